//! Certificates: read from behind Landlock, and looked at. The name of the host is looked up, too.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::bucket::count;
use crate::host::{Daemon, Folder, free_port, machine, wait};
use crate::s3::{Moto, python};
use crate::{QUICK, incident, on_node};

/// Writes the certificate of an authority, one of `localhost` that it signed, and its key.
const CERTIFICATES: &str = r#"
import datetime, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

now = datetime.datetime.now(datetime.timezone.utc)
def make(name, key, issuer, signer, extension):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer or name)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=7))
    return builder.add_extension(extension, critical=True).sign(signer, hashes.SHA256())

def write(name, *parts):
    open(f"{sys.argv[1]}/{name}", "wb").write(b"".join(parts))

pem, authority, key = serialization.Encoding.PEM, *(ec.generate_private_key(ec.SECP256R1()) for _ in "12")
ca = make("authority", authority, None, authority, x509.BasicConstraints(ca=True, path_length=0))
names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
own = make("localhost", key, ca.subject, authority, names)
write("ca.pem", ca.public_bytes(pem))
write("own.pem", own.public_bytes(pem))
write("key.pem", key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
"#;

/// Takes whatever is posted.
const RECEIVER: &str = r#"
import http.server, ssl, sys
class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(f"{sys.argv[2]}/own.pem", f"{sys.argv[2]}/key.pem")
server.socket = tls.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"#;

/// Ends with the test.
struct Script(Child);

impl Script {
    fn start(python: &Path, port: u16, folder: &Path) -> Script {
        let mut command = Command::new(python);
        command.args(["-c", RECEIVER, &port.to_string()]).arg(folder).stderr(Stdio::null());
        let script = Script(command.spawn().unwrap());
        let up = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        wait("the receiver", Duration::from_secs(30), up);
        script
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn certificates_are_read_and_looked_at() {
    let Some(_machine) = machine() else { return };
    let Some(python) = python("certificates_are_read_and_looked_at") else { return };
    let folder = Folder::new("tls");
    let certificates = folder.path("certificates");
    std::fs::create_dir(&certificates).unwrap();
    let mut make = Command::new(&python);
    assert!(make.args(["-c", CERTIFICATES]).arg(&certificates).status().unwrap().success());
    let (otlp, s3) = (free_port(), free_port());
    let _receiver = Script::start(&python, otlp, &certificates);
    let at = |name: &str| certificates.join(name).to_str().unwrap().to_owned();
    let _moto = Moto::serve(&python, s3, &["-c", &at("own.pem"), "-k", &at("key.pem")]);
    let bucket = format!(
        "import boto3; boto3.client('s3', endpoint_url='https://localhost:{s3}', verify='{}', \
         region_name='us-east-1', aws_access_key_id='k', aws_secret_access_key='s')\
         .create_bucket(Bucket='stalls')",
        at("ca.pem")
    );
    assert!(Command::new(&python).args(["-c", &bucket]).status().unwrap().success());

    let start = |authority: Option<String>| {
        let mut command = on_node("node-7");
        command.env("AWS_ENDPOINT", format!("https://localhost:{s3}"));
        command.envs([("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")]);
        command.envs(authority.map(|path| ("SSL_CERT_FILE", path)));
        let endpoint = format!("otlp.endpoint=https://localhost:{otlp}");
        let set = ["-s", &endpoint, "-s", "otlp.interval=1s", "-s", "upload.url=s3://stalls"];
        Daemon::start_as(&folder, command, &[&QUICK[..], &set].concat())
    };
    let pushed = |daemon: &Daemon, result: &str| {
        let series = "stallprof_otlp_pushes_total{signal=\"metrics\",result=";
        daemon.metric(&format!("{series}\"{result}\"}}")).unwrap_or(0.0)
    };
    // An authority that nobody told of is not trusted.
    let daemon = start(None);
    incident(&daemon);
    wait("refusals", Duration::from_secs(20), || {
        pushed(&daemon, "failed") >= 1.0 && daemon.metric("stallprof_upload_up") == Some(0.0)
    });
    assert_eq!(pushed(&daemon, "taken"), 0.0);
    let log = daemon.stop();
    assert!(log.contains("UnknownIssuer"), "{log}");

    let daemon = start(Some(at("ca.pem")));
    wait("the copy", Duration::from_secs(20), || count(&daemon, "copied") == 1.0);
    wait("metrics", Duration::from_secs(20), || pushed(&daemon, "taken") >= 1.0);
    assert_eq!(pushed(&daemon, "failed"), 0.0);
    daemon.stop();
}
