//! How full tables of connections are, as told by one who enters no network namespace.

use std::net::UdpSocket;
use std::process::Command;
use std::thread;

use serde_json::{Value, json};

use crate::conntrack::namespace;
use crate::host::{Folder, findings, machine, stallprof, succeeded};
use crate::world::{World, skipped};

const MAX: &str = "/proc/sys/net/netfilter/nf_conntrack_max";

/// Records for a moment; the findings.
fn record(mut command: Command, folder: &Folder) -> Value {
    let file = folder.path("r.stall");
    command.args(["record", "--force", "-d", "300ms", "--method", "ct_stats=procfs", "-o"]);
    succeeded(&command.arg(&file).output().unwrap());
    findings(&file)
}

/// From the first namespace only its own limit is known; from another one that of all, as nobody can
/// change it there.
#[test]
fn limits_are_told_where_they_are_known() {
    const NAME: &str = "limits_are_told_where_they_are_known";
    let Some(_machine) = machine() else { return };
    let made = World::new(&["inside", "beside"], &["conntrack", "iptables"]).and_then(|w| {
        w.inside(1, "iptables -A INPUT -m conntrack --ctstate INVALID -j DROP")?;
        Ok(w)
    });
    let w = match made {
        Ok(w) => w,
        Err(why) => return skipped(NAME, &why),
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            w.enter(1);
            // Nobody answers: each is an entry for 30 s.
            for port in 20_000..20_030 {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                socket.send_to(b"x", ("127.0.0.1", port)).unwrap();
            }
        });
    });
    let max: u64 = std::fs::read_to_string(MAX).unwrap().trim().parse().unwrap();
    let folder = Folder::new("fill");
    let outside = record(stallprof(), &folder);
    let fill = |f: &Value, name: &str| {
        let namespace = namespace(f, name);
        assert_eq!(namespace["source"], "/proc/net/stat/nf_conntrack", "{namespace}");
        (namespace["entries"].clone(), namespace["max"].clone())
    };
    assert_eq!(fill(&outside, w.name(1)), (json!(30), Value::Null));
    assert_eq!(fill(&outside, "host").1, json!(max));
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/run/netns/{}", w.name(0)));
    command.arg(env!("CARGO_BIN_EXE_stallprof"));
    let inside = record(command, &folder);
    let one_for_all = w.inside(0, &format!("stat -c %a {MAX}")).unwrap().trim() == "444";
    let known = if one_for_all { json!(max) } else { Value::Null };
    assert_eq!(fill(&inside, w.name(1)), (json!(30), known.clone()));
    assert_eq!(fill(&inside, "host").1, known);
    assert_eq!(fill(&inside, w.name(0)).1, json!(max));
}
