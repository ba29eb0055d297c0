//! Incidents to S3, by an emulator: moto, which `tools/setup test` installs.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::bucket::{count, objects};
use crate::host::{Daemon, Folder, free_port, machine, wait};
use crate::skip::skipped;
use crate::{QUICK, incident, on_node};

/// The Python of the environment that `tools/setup test` makes; none (and says so) without it.
pub fn python(test: &str) -> Option<PathBuf> {
    let target = PathBuf::from(env!("CARGO_BIN_EXE_stallprof"));
    let python = target.ancestors().nth(2)?.join("emulators/bin/python");
    if python.exists() {
        return Some(python);
    }
    skipped(test, &format!("no {} (tools/setup test makes it)", python.display()));
    None
}

/// An emulator; it ends with the test.
pub struct Moto(Child, u16);

impl Moto {
    /// Starts one and makes a bucket.
    fn start(python: &PathBuf, port: u16) -> Moto {
        let moto = Moto::serve(python, port, &[]);
        moto.ask(python, "s3.create_bucket(Bucket='stalls')");
        moto
    }

    /// Starts one with further options.
    pub fn serve(python: &PathBuf, port: u16, options: &[&str]) -> Moto {
        let server = "import sys; from moto.server import main; main(sys.argv[1:])";
        let mut command = Command::new(python);
        command.args(["-c", server, "-p", &port.to_string()]).args(options);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let moto = Moto(child, port);
        let up = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        wait("the emulator", Duration::from_secs(60), up);
        moto
    }

    /// Lines that a client of its own prints.
    fn ask(&self, python: &PathBuf, what: &str) -> Vec<String> {
        let client = format!(
            "import boto3\ns3 = boto3.client('s3', endpoint_url='http://127.0.0.1:{}', \
             region_name='us-east-1', aws_access_key_id='k', aws_secret_access_key='s')\n{what}",
            self.1
        );
        let output = Command::new(python).args(["-c", &client]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        BufReader::new(&output.stdout[..]).lines().map(Result::unwrap).collect()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(folder: &Folder, port: u16) -> Daemon {
    let mut command = on_node("node-7");
    command
        .env("AWS_ENDPOINT", format!("http://127.0.0.1:{port}"))
        .envs([("AWS_ALLOW_HTTP", "true"), ("AWS_REGION", "us-east-1")])
        .envs([("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")]);
    let upload = ["-s", "upload.url=s3://stalls/fleet/a", "-s", "upload.timeout=2s"];
    Daemon::start_as(folder, command, &[&QUICK[..], &upload].concat())
}

/// Nobody there at first; then each incident comes, once, also over a restart.
#[test]
fn incidents_come_to_s3() {
    let Some(_machine) = machine() else { return };
    let Some(python) = python("incidents_come_to_s3") else { return };
    let folder = Folder::new("s3");
    let port = free_port();
    let daemon = start(&folder, port);
    let first = incident(&daemon);
    let down = || daemon.metric("stallprof_upload_up") == Some(0.0);
    wait("the failure", Duration::from_secs(15), down);
    assert_eq!(daemon.get("/readyz").unwrap().status, 200);
    let moto = Moto::start(&python, port);
    wait("the copy", Duration::from_secs(40), || count(&daemon, "copied") == 1.0);
    let log = daemon.stop();
    assert!(log.contains("copying incidents to object storage works again"), "{log}");

    let list = "for o in s3.list_objects_v2(Bucket='stalls')['Contents']: print(o['Key'])";
    let names = |ids: &[&str]| {
        let all = ids.iter().flat_map(|id| objects(id, "node-7"));
        let mut all: Vec<_> = all.map(|name| format!("fleet/a/{name}")).collect();
        all.sort();
        all
    };
    assert_eq!(moto.ask(&python, list), names(&[&first]));
    let get = "import sys\nfor o in s3.list_objects_v2(Bucket='stalls', \
               Prefix='fleet/a/recordings/')['Contents']:\n  \
               print(s3.get_object(Bucket='stalls', Key=o['Key'])['Body'].read().hex())";
    let kept = std::fs::read(folder.path(&format!("store/{first}.stall"))).unwrap();
    let hex: String = kept.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(moto.ask(&python, get), [hex]);

    let daemon = start(&folder, port);
    let second = incident(&daemon);
    wait("the copy", Duration::from_secs(15), || count(&daemon, "copied") == 1.0);
    assert_eq!(moto.ask(&python, list), names(&[&first, &second]));
    daemon.stop();
}
