//! What is read of a made host, and what is shown of it.

use stallprof::host::{HostRoot, rxpath};
use stallprof::render::Style;
use stallprof::render::rxpath::host as show;
use stallprof::rxpath::{FlowKind, HashFields, HashFunction, RxHost};
use stallprof::units::Cpu;

use super::made::{Driver, Host};
use super::vectors::key;

fn shown(host: &RxHost) -> String {
    let mut out = Vec::new();
    show(&mut out, host, Style::default()).expect("shown");
    String::from_utf8(out).expect("text")
}

#[test]
fn a_device_as_files_and_driver_tell_it() {
    let mut made = Host::new("device", 4, 4, Driver::new(4, 128, key().bytes()));
    made.driver.rules = 2;
    made.rps(1, "c\n");
    let host = made.read();
    let nic = &host.nics[0];
    assert_eq!((nic.driver.as_deref(), nic.up, nic.threaded), (Some("ice"), Some(true), false));
    assert_eq!((nic.rx.len(), nic.tx.len(), nic.irqs.len()), (4, 4, 5));
    assert_eq!(
        (nic.rx[3].irq, nic.irq_of(3).map(|irq| irq.cpus.clone())),
        (Some(43), Some(vec![Cpu(3)]))
    );
    assert_eq!(nic.rx[1].rps_cpus, Some(vec![Cpu(2), Cpu(3)]));
    assert_eq!((nic.rss.table.len(), nic.rss.function), (128, HashFunction::Toeplitz));
    assert_eq!(nic.rss.key, Some(key()));
    assert_eq!(nic.rss.fields.0.get(&FlowKind::Ip6), Some(&HashFields::Addresses));
    assert_eq!((nic.rx_hash, nic.steering_rules), (Some(true), Some(2)));
    assert_eq!((host.softnet.len(), host.softnet[3].processed), (4, 3000));
    let text = shown(&host);
    for want in [
        "eth0  ice, up, 4 rx queues, 4 tx queues",
        "received on CPUs 0, 2, 3: 1 of 4 queues by RPS",
        "TCP and UDP spread over the queues by addresses and ports.",
        "ICMP has no ports: all of it between two hosts lands on one CPU.",
        "43 ice-eth0-TxRx-3",
        "32 of 128",
        "CPUs 2-3",
        "2 filters before the hash",
        "tx 3: CPU 3",
    ] {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let want = want.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&want), "{want}:\n{text}");
    }
}

#[test]
fn devices_without_a_driver_to_ask() {
    let made = Host::new("files", 2, 2, Driver::new(2, 128, key().bytes()));
    let root = HostRoot::new(&made.root);
    let host = rxpath::read(&root, None, None).expect("files");
    assert_eq!((host.nics.len(), host.nics[0].rx[1].irq), (1, Some(41)));
    assert!(shown(&host).contains("tells no indirection table"));
    let error = rxpath::read(&root, None, Some("eth9")).expect_err("no such device");
    assert_eq!(error.to_string(), "there is no network device eth9 here; there are: eth0");
    for (file, other) in [("address", "02:fc:00:00:00:02\n"), ("ifindex", "7\n")] {
        let file = format!("sys/class/net/eth0/{file}");
        let good = std::fs::read_to_string(made.root.join(&file)).expect("a file");
        assert!(rxpath::read(&root, Some(&made.driver), None).is_ok());
        made.write(&file, other);
        let error = rxpath::read(&root, Some(&made.driver), None).expect_err("another namespace");
        assert!(error.to_string().contains("another network namespace"), "{error}");
        made.write(&file, &good);
    }
}

#[test]
fn parents_that_are_no_virtio_device_lend_no_interrupts() {
    let made = Host::new("bridge", 1, 2, Driver::new(1, 128, key().bytes()));
    // A device with a legacy interrupt under a port that has its own vectors.
    let port = made.root.join("sys/devices/pci0000:00/0000:00:03.0/msi_irqs");
    std::fs::remove_dir_all(port).expect("gone");
    made.write("sys/devices/pci0000:00/msi_irqs/90", "msi\n");
    made.irq(90, "pciehp", "1");
    made.irq(40, "ahci,eth0", "1");
    let host = made.read();
    assert_eq!(host.nics[0].rx[0].irq, Some(40));
}

#[test]
fn large_devices_are_shown_within_bounds() {
    let mut made = Host::new("large", 512, 256, Driver::new(512, 1024, key().bytes()));
    made.driver.key.extend([7; 12]);
    let host = made.read();
    assert_eq!((host.nics[0].rx.len(), host.nics[0].rss.table.len()), (512, 1024));
    assert_eq!(host.nics[0].irq_of(511).map(|irq| irq.cpus[0]), Some(Cpu(255)));
    let text = shown(&host);
    assert!(text.lines().count() < 60, "{} lines", text.lines().count());
    assert!(text.contains("496 more queues in the JSON"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}
