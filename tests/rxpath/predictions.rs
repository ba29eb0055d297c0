//! Predictions on a made host: each step, and what is not known.

use stallprof::rxpath::{
    Answer, Flow, Goal, PortPair, Proto, predict, reach, rps_index, spread, table_entry,
};
use stallprof::units::Cpu;

use super::made::{Driver, Host};
use super::vectors::key;

/// The first flow of the RSS specification: 0x323e8fc2 by addresses, 0x51ccc178 with ports.
fn flow(proto: Proto) -> Flow {
    let address = |text: &str| Flow::address(text).expect("an address");
    Flow::new(address("66.9.149.187"), address("161.142.100.80"), proto).expect("a flow")
}

const PORTS: PortPair = PortPair { source: 2794, destination: 1766 };

fn host(name: &str) -> Host {
    Host::new(name, 8, 12, Driver::new(8, 128, key().bytes()))
}

fn why<T>(answer: &Answer<T>) -> &str {
    answer.why().unwrap_or("known")
}

#[test]
fn from_the_hash_to_the_cpu() {
    let made = host("chain");
    // Interrupts other than in the order of the queues.
    made.irq(42, "ice-eth0-TxRx-2", "11");
    let host = made.read();
    let way = predict(&host, &host.nics[0], &flow(Proto::Icmp));
    assert_eq!(way.hash, Answer::one(0x323e_8fc2));
    assert_eq!((way.entry, way.queue), (Answer::one(0x42), Answer::one(2)));
    assert_eq!((way.arrival, way.cpu), (Answer::one(Cpu(11)), Answer::one(Cpu(11))));
    let way = predict(&host, &host.nics[0], &flow(Proto::Tcp(PORTS)));
    assert_eq!((way.hash, way.entry), (Answer::one(0x51cc_c178), Answer::one(0x78)));
    assert_eq!((way.queue, way.cpu), (Answer::one(0), Answer::one(Cpu(0))));
    assert!(way.unless.is_empty());
}

#[test]
fn rps_goes_by_the_devices_hash_only_if_it_is_of_ports() {
    let mut made = host("rps");
    for queue in 0..8 {
        made.rps(queue, "f0");
    }
    let host = made.read();
    let way = predict(&host, &host.nics[0], &flow(Proto::Tcp(PORTS)));
    // 0x51ccc178 * 4 / 2^32 = 1: the second of CPUs 4 to 7.
    assert_eq!(rps_index(0x51cc_c178, 4), 1);
    assert_eq!((way.arrival, way.cpu), (Answer::one(Cpu(0)), Answer::one(Cpu(5))));
    let way = predict(&host, &host.nics[0], &flow(Proto::Icmp));
    assert_eq!(way.cpu.values(), [Cpu(4), Cpu(5), Cpu(6), Cpu(7)]);
    assert!(why(&way.cpu).contains("random at each boot"), "{way:?}");
    // Without the device's hash the kernel computes its own.
    made.driver.rx_hash = false;
    let host = made.read();
    let way = predict(&host, &host.nics[0], &flow(Proto::Tcp(PORTS)));
    assert_eq!((way.queue, way.cpu.values().len()), (Answer::one(0), 4));
    // One CPU leaves nothing to choose; a CPU that is offline is passed over.
    made.rps(2, "800");
    let host = made.read();
    assert_eq!(predict(&host, &host.nics[0], &flow(Proto::Icmp)).cpu, Answer::one(Cpu(11)));
    made.rps(2, "1000");
    let host = made.read();
    assert_eq!(predict(&host, &host.nics[0], &flow(Proto::Icmp)).cpu, Answer::one(Cpu(2)));
    made.rps(2, "what?");
    let host = made.read();
    let way = predict(&host, &host.nics[0], &flow(Proto::Icmp));
    assert!(why(&way.cpu).contains("cannot be read"), "{way:?}");
}

#[test]
fn rfs_makes_the_cpu_of_a_connection_unknown() {
    let made = host("rfs");
    made.write("proc/sys/net/core/rps_sock_flow_entries", "32768\n");
    made.write("sys/class/net/eth0/queues/rx-0/rps_flow_cnt", "4096\n");
    let host = made.read();
    let way = predict(&host, &host.nics[0], &flow(Proto::Tcp(PORTS)));
    assert!(why(&way.cpu).starts_with("RFS sends it"), "{way:?}");
    assert_eq!(way.arrival, Answer::one(Cpu(0)));
    assert_eq!(predict(&host, &host.nics[0], &flow(Proto::Icmp)).cpu, Answer::one(Cpu(2)));
    // In a namespace that does not show the global setting, it may be on.
    std::fs::remove_file(made.root.join("proc/sys/net/core/rps_sock_flow_entries")).expect("gone");
    let host = made.read();
    let way = predict(&host, &host.nics[0], &flow(Proto::Tcp(PORTS)));
    assert!(why(&way.cpu).contains("does not show here"), "{way:?}");
}

#[test]
fn what_is_not_known_is_said() {
    let icmp = flow(Proto::Icmp);
    let tcp = flow(Proto::Tcp(PORTS));
    let with = |change: &dyn Fn(&mut Driver), flow: &Flow| {
        let mut made = host("unknown");
        change(&mut made.driver);
        let host = made.read();
        predict(&host, &host.nics[0], flow)
    };
    for (change, flow, want) in [
        (&(|d: &mut Driver| d.table.clear()) as &dyn Fn(&mut Driver), &tcp, "no indirection table"),
        (&|d| d.key.truncate(39), &tcp, "no hash key"),
        (&|d| d.function = 2, &tcp, "hashes by xor"),
        (&|d| d.function = 0, &tcp, "does not name"),
        (&|d| d.transform = 8, &tcp, "transform 0x8 is not known"),
        (&|d| _ = d.fields.remove(&1), &tcp, "does not tell what it hashes of tcp4"),
        (&|d| _ = d.fields.insert(1, 0), &tcp, "does not hash tcp4"),
        (&|d| _ = d.fields.insert(0x10, 0x10), &icmp, "a selection of ip4"),
        (&|d| d.table.truncate(96), &tcp, "no power of two"),
        (&|d| d.table[0x78] = 99, &tcp, "names queue 99, but eth0 has 8"),
    ] {
        let way = with(change, flow);
        assert!(way.queue.values().is_empty(), "{want}: {way:?}");
        assert!(why(&way.queue).contains(want), "{want}: {way:?}");
        assert!(way.cpu.known().is_none(), "{want}: {way:?}");
    }
    let way = with(&|d| d.rules = 3, &tcp);
    assert_eq!(way.cpu, Answer::one(Cpu(0)));
    assert!(way.unless[0].starts_with("3 steering rules"), "{way:?}");
}

#[test]
fn interrupts_that_several_cpus_may_serve() {
    let made = host("affinity");
    made.irq(42, "ice-eth0-TxRx-2", "0-2");
    let host = made.read();
    let way = predict(&host, &host.nics[0], &flow(Proto::Icmp));
    assert_eq!(way.cpu.values(), [Cpu(0), Cpu(1), Cpu(2)]);
    // Set, but not yet in force: the next interrupt still comes to the old CPU.
    made.write("proc/irq/42/effective_affinity_list", "5\n");
    made.write("proc/irq/42/smp_affinity_list", "7\n");
    let host = made.read();
    let way = predict(&host, &host.nics[0], &flow(Proto::Icmp));
    assert_eq!(way.cpu.values(), [Cpu(5), Cpu(7)]);
    assert!(why(&way.cpu).contains("interrupt 42 moves"), "{way:?}");
    made.write("sys/kernel/irq/43/actions", "ice-eth0-TxRx-2\n");
    let host = made.read();
    let way = predict(&host, &host.nics[0], &flow(Proto::Icmp));
    assert!(why(&way.cpu).contains("do not tell which queue"), "{way:?}");
}

#[test]
fn virtio_net_is_taken_at_its_word_only_where_it_can_be() {
    let mut made = host("virtio");
    made.driver.name = "virtio_net";
    let host = made.read();
    let way = predict(&host, &host.nics[0], &flow(Proto::Icmp));
    assert_eq!((way.queue, way.unless.len()), (Answer::one(2), 1));
    made.write("proc/sys/kernel/osrelease", "6.12.107+deb13-cloud-amd64\n");
    let host = made.read();
    let way = predict(&host, &host.nics[0], &flow(Proto::Icmp));
    assert!(way.hash.values().contains(&0x323e_8fc2) && way.hash.values().len() == 2, "{way:?}");
    assert!(way.queue.values().contains(&2), "{way:?}");
    made.driver.rx_hash = false;
    let host = made.read();
    let way = predict(&host, &host.nics[0], &flow(Proto::Icmp));
    assert!(why(&way.queue).contains("rxhash on settles it"), "{way:?}");
}

#[test]
fn many_flows_and_those_that_reach_a_goal() {
    let made = host("many");
    let host = made.read();
    let nic = &host.nics[0];
    let tcp = flow(Proto::Tcp(PORTS));
    let all = spread(&host, nic, &tcp, 32_768..=60_999);
    assert_eq!((all.flows, all.queues.values().sum::<usize>()), (28_232, 28_232));
    assert!(all.queues.values().all(|n| (3_000..4_100).contains(n)), "{all:?}");
    let found = reach(&host, nic, &tcp, 32_768..=60_999, Goal::Cpu(Cpu(7)), 8);
    assert_eq!((found.ports.len(), found.found), (8, all.queues[&7]));
    for port in found.ports {
        let way = predict(&host, nic, &tcp.from_port(port));
        assert_eq!((way.queue, way.cpu), (Answer::one(7), Answer::one(Cpu(7))));
    }
    let none = reach(&host, nic, &tcp, 1..=65_535, Goal::Cpu(Cpu(11)), 8);
    assert_eq!((none.found, none.spread.cpu_unknown), (0, 0));
    // ICMP is one flow.
    let icmp = reach(&host, nic, &flow(Proto::Icmp), 1..=65_535, Goal::Queue(2), 8);
    assert_eq!((icmp.found, icmp.spread.flows), (1, 1));
    assert_eq!(table_entry(u32::MAX, 1024), Some(1023));
}
