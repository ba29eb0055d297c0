//! Incidents to object storage that is a directory.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use parquet::file::reader::{FileReader, SerializedFileReader};
use stallprof::export::parquet::TABLES;

use crate::host::{Daemon, Folder, findings, machine, wait};
use crate::{QUICK, incident, landlock, on_node};

/// All files below a directory, by their path in it.
pub fn files(directory: &Path) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap();
                all.insert(name.to_str().unwrap().to_owned());
            }
        }
    }
    all
}

/// Names of all objects of an incident.
pub fn objects(id: &str, node: &str) -> BTreeSet<String> {
    let day = format!("{}-{}-{}", &id[..4], &id[4..6], &id[6..8]);
    let folder = |table: &str| format!("{table}/day={day}/node={node}/{id}");
    let tables = TABLES.iter().map(|table| format!("{}.parquet", folder(table.name)));
    tables.chain([format!("{}.stall", folder("recordings"))]).collect()
}

fn start(folder: &Folder, bucket: &Path, more: &[&str]) -> Daemon {
    let url = format!("upload.url=file://{}", bucket.display());
    Daemon::start_as(folder, on_node("node-7"), &[&QUICK[..], &["-s", &url], more].concat())
}

pub fn count(daemon: &Daemon, result: &str) -> f64 {
    daemon.metric(&format!("stallprof_upload_incidents_total{{result=\"{result}\"}}")).unwrap()
}

fn rows(path: PathBuf) -> i64 {
    let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    reader.metadata().file_metadata().num_rows()
}

#[test]
fn each_incident_is_copied_once() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("upload");
    let bucket = folder.path("bucket/deep");
    let daemon = start(&folder, &bucket, &["-s", "store.count=2"]);
    let first = incident(&daemon);
    wait("the copy", Duration::from_secs(15), || count(&daemon, "copied") == 1.0);
    assert_eq!(files(&bucket), objects(&first, "node-7"));
    let up = daemon.metric("stallprof_landlock_up{thread=\"upload\"}");
    assert_eq!(up, Some(f64::from(u8::from(landlock()))), "{}", daemon.log());
    assert_eq!(daemon.metric("stallprof_seccomp_up{thread=\"upload\"}"), Some(1.0));
    assert_eq!(daemon.metric("stallprof_upload_up"), Some(1.0));
    assert_eq!(daemon.metric("stallprof_upload_waiting_incidents"), Some(0.0));

    // The recording is the one of the store, and the tables are what is in it.
    let at = |name: &str| {
        bucket.join(objects(&first, "node-7").into_iter().find(|n| n.starts_with(name)).unwrap())
    };
    let kept = folder.path(&format!("store/{first}.stall"));
    assert_eq!(fs::read(at("recordings/")).unwrap(), fs::read(&kept).unwrap());
    assert_eq!(rows(at("recording/")), 1);
    let found = findings(&kept)["stalls"].as_array().unwrap().len();
    assert_eq!(rows(at("stalls/")), found as i64);
    let sent = daemon.metric("stallprof_upload_bytes_total").unwrap();
    let length = |name: &String| fs::metadata(bucket.join(name)).unwrap().len();
    assert_eq!(sent, files(&bucket).iter().map(length).sum::<u64>() as f64);

    // What leaves the store stays in the bucket.
    let second = incident(&daemon);
    wait("the copy", Duration::from_secs(15), || count(&daemon, "copied") == 2.0);
    let third = incident(&daemon);
    wait("the copy", Duration::from_secs(15), || count(&daemon, "copied") == 3.0);
    assert_eq!(daemon.incidents().len(), 2);
    let all: BTreeSet<_> =
        [&first, &second, &third].into_iter().flat_map(|id| objects(id, "node-7")).collect();
    assert_eq!(files(&bucket), all);
    daemon.kill();

    // What the bucket has not is found again; what it has is not sent again.
    let lost =
        objects(&third, "node-7").into_iter().find(|n| n.starts_with("recordings/")).unwrap();
    fs::remove_file(bucket.join(lost)).unwrap();
    let daemon = start(&folder, &bucket, &[]);
    wait("the copy", Duration::from_secs(15), || count(&daemon, "copied") == 1.0);
    let fourth = incident(&daemon);
    wait("the copy", Duration::from_secs(15), || count(&daemon, "copied") == 2.0);
    assert_eq!(files(&bucket), all.union(&objects(&fourth, "node-7")).cloned().collect());
    assert_eq!(count(&daemon, "failed"), 0.0);
    daemon.stop();
}

/// A bucket that cannot be written: that is counted and said once; it recovers by itself.
#[test]
fn a_bucket_that_fails_is_tried_again() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("upload-fails");
    let bucket = folder.path("bucket");
    fs::create_dir(&bucket).unwrap();
    // The thread has no capability that could overrule this.
    fs::set_permissions(&bucket, fs::Permissions::from_mode(0o500)).unwrap();
    let daemon = start(&folder, &bucket, &["-s", "upload.tables=false"]);
    let id = incident(&daemon);
    wait("two failures", Duration::from_secs(25), || count(&daemon, "failed") >= 2.0);
    assert_eq!(daemon.metric("stallprof_upload_up"), Some(0.0));
    assert_eq!(daemon.metric("stallprof_upload_waiting_incidents"), Some(1.0));
    assert_eq!(files(&bucket), BTreeSet::new());
    fs::set_permissions(&bucket, fs::Permissions::from_mode(0o700)).unwrap();
    wait("the copy", Duration::from_secs(25), || count(&daemon, "copied") == 1.0);
    let recording = objects(&id, "node-7").into_iter().filter(|n| n.starts_with("recordings/"));
    assert_eq!(files(&bucket), recording.collect());
    let log = daemon.stop();
    assert_eq!(log.matches("copying incidents to object storage failed").count(), 1, "{log}");
    assert!(log.contains("copying incidents to object storage works again"), "{log}");
}

/// A recording that is no longer one: it is copied as it is, without tables.
#[test]
fn a_damaged_incident_does_not_stop_the_others() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("upload-damaged");
    let bucket = folder.path("bucket");
    let daemon = start(&folder, &folder.path("elsewhere"), &[]);
    let first = incident(&daemon);
    daemon.stop();
    // Its description, in the first block, is whole.
    let path = folder.path(&format!("store/{first}.stall"));
    let mut bytes = fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].iter_mut().for_each(|byte| *byte ^= 0x5a);
    fs::write(&path, &bytes).unwrap();
    let daemon = start(&folder, &bucket, &[]);
    incident(&daemon);
    wait("both copies", Duration::from_secs(15), || count(&daemon, "copied") == 2.0);
    let copied = files(&bucket).into_iter().find(|name| name.ends_with(&format!("{first}.stall")));
    assert_eq!(fs::read(bucket.join(copied.unwrap())).unwrap(), bytes);
    daemon.stop();
}
