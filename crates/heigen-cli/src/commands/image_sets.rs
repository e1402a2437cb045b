//! The command `heigen data`.

use crate::args::DataArgs;
use crate::session::print;
use anyhow::{Result, bail};
use heigen_store::image_folder::{ImageFolder, ImageSet, digits};
use serde_json::json;

pub(crate) fn run(args: &DataArgs) -> Result<()> {
    let folder = ImageFolder::new(&args.data.data_dir);
    let (mut rows, mut broken) = (Vec::new(), 0);
    for set in ImageSet::ALL {
        let found = folder.find(set);
        let (state, detail, files) = match &found {
            Ok(Some(found)) => {
                let files = found.files.iter().map(|f| f.display().to_string()).collect();
                let complete = if found.images.len() == set.complete() { "found" } else { "part" };
                (complete, found.source.clone(), files)
            }
            Ok(None) => ("missing", set.how_to_get(folder.dir()), Vec::new()),
            Err(error) => {
                broken += 1;
                ("broken", error.to_string(), Vec::new())
            }
        };
        let counts = found.as_ref().ok().and_then(Option::as_ref).map(|f| f.images.per_class());
        rows.push((set, state, detail, files, counts));
    }
    if args.json {
        let row = |(set, state, detail, files, counts): &(ImageSet, &str, String, Vec<String>, Option<[usize; 10]>)| json!({"set": set.name(), "state": state, "detail": detail, "files": files, "images_per_class": counts});
        print(&serde_json::to_string_pretty(&rows.iter().map(row).collect::<Vec<_>>())?)?;
    } else {
        print(&format!("looked for in {} (--data-dir, HEIGEN_DATA)", folder.dir().display()))?;
        for (set, state, detail, files, counts) in &rows {
            print(&format!("{:21}  {state:7}  {detail}", set.name()))?;
            for file in files {
                print(&format!("{:32}{file}", ""))?;
            }
            if let Some(counts) = counts {
                let counts: Vec<String> = counts.iter().map(ToString::to_string).collect();
                print(&format!("{:32}images of classes 0 to 9: {}", "", counts.join(" ")))?;
            }
        }
        let built_in = digits()?;
        print(&format!("{:21}  {:7}  {}", "digits", "always", built_in.source))?;
        print(&format!("{:32}stand in for MNIST where it is missing", ""))?;
    }
    if broken > 0 {
        bail!("{broken} of the image sets cannot be used as they are");
    }
    Ok(())
}
