//! The files beside an ONNX file that hold its weights.

use crate::words::bytes;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The content of the file `name` in the folder of `model`, if it has at most `most` bytes; or a sentence about why it is not
/// read. Links that lead out of the folder, devices and pipes are not.
pub(super) fn read(model: &Path, name: &str, most: f64) -> Result<Vec<u8>, String> {
    let folder = model.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let shown = |e: std::io::Error| e.to_string();
    let inside = folder.canonicalize().map_err(shown)?;
    let path = folder.join(name).canonicalize().map_err(shown)?;
    if !path.starts_with(&inside) {
        return Err("it is a link that leads out of the folder of the ONNX file".to_owned());
    }
    let metadata = path.metadata().map_err(shown)?;
    if !metadata.is_file() {
        return Err("it is no regular file".to_owned());
    }
    let length = metadata.len();
    if length as f64 > most {
        return Err(format!("it has {}; the memory limit is {}", bytes(length as f64), bytes(most)));
    }
    let mut content = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(length).read_to_end(&mut content));
    read.map(|_| content).map_err(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_regular_files_inside_of_the_folder_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("models");
        fs::create_dir_all(folder.join("weights")).unwrap();
        fs::write(dir.path().join("outside"), b"secret").unwrap();
        fs::write(folder.join("weights/a.bin"), b"1234").unwrap();
        let model = folder.join("net.onnx");
        let read = |name: &str| read(&model, name, 5.0);
        assert_eq!(read("weights/a.bin").as_deref(), Ok(&b"1234"[..]));
        assert!(read("missing").is_err());
        assert_eq!(read("weights").unwrap_err(), "it is no regular file");
        fs::write(folder.join("long"), b"123456").unwrap();
        assert!(read("long").unwrap_err().contains("memory limit"));
        #[cfg(unix)]
        {
            let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, folder.join(name)).unwrap();
            link("../outside", "link");
            assert_eq!(read("link").unwrap_err(), "it is a link that leads out of the folder of the ONNX file");
            link("weights/a.bin", "own");
            assert_eq!(read("own").as_deref(), Ok(&b"1234"[..]));
            link("/dev/zero", "device");
            assert!(read("device").is_err());
        }
    }
}
