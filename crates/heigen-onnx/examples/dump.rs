//! Prints the architecture of an ONNX file as JSON; with a second argument, writes its tensors there.
use std::io::Write as _;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_default();
    let folder = std::path::Path::new(&path).parent().map(std::path::Path::to_path_buf).unwrap_or_default();
    let bytes = std::fs::read(&path).unwrap_or_default();
    let mut files = |name: &str| std::fs::read(folder.join(name)).map_err(|e| e.to_string());
    match heigen_onnx::import_with(&bytes, &mut files) {
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
        Ok(imported) => {
            println!("{}", serde_json::to_string(&imported.architecture).unwrap_or_default());
            for line in imported
                .notes
                .iter()
                .map(|n| format!("note: {n}"))
                .chain(imported.warnings.iter().map(|w| format!("warning: {w}")))
            {
                eprintln!("{line}");
            }
            if let Some(to) = arguments.next() {
                let mut file = std::fs::File::create(to).expect("a file");
                for tensor in &imported.tensors {
                    let values: Vec<u8> = tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect();
                    writeln!(
                        file,
                        "{} {}",
                        serde_json::to_string(&(&tensor.name, &tensor.shape)).unwrap_or_default(),
                        values.len()
                    )
                    .expect("written");
                    file.write_all(&values).expect("written");
                }
            }
        }
    }
}
