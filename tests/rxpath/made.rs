//! A host made of files and of a driver's answers: an `eth0` with as many queues as wanted. The
//! files' contents are those of a virtio-net device on Linux 6.1.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use stallprof::host::ethtool::Ask;
use stallprof::host::{HostRoot, rxpath};
use stallprof::rxpath::RxHost;

/// A tree that goes away with the value.
pub struct Host {
    pub root: PathBuf,
    pub driver: Driver,
}

/// What a driver answers.
#[derive(Clone, Debug)]
pub struct Driver {
    pub name: &'static str,
    pub table: Vec<u32>,
    pub key: Vec<u8>,
    /// `hfunc` and `input_xfrm`
    pub function: u8,
    pub transform: u8,
    /// `RXH_*` bits for a flow type; EINVAL for others.
    pub fields: BTreeMap<u32, u64>,
    pub rx_hash: bool,
    pub rules: u32,
    /// Bytes put over each answer, for damage.
    pub damage: RefCell<Option<u8>>,
}

impl Driver {
    pub fn new(queues: u32, entries: usize, key: &[u8]) -> Driver {
        let (addresses, ports) = (0x30, 0xf0);
        let fields =
            [(1, ports), (2, ports), (0x10, addresses), (5, ports), (6, ports), (0x11, addresses)];
        Driver {
            name: "ice",
            table: stallprof::rxpath::default_table(queues, entries),
            key: key.to_vec(),
            function: 1,
            transform: 0,
            fields: BTreeMap::from(fields),
            rx_hash: true,
            rules: 0,
            damage: RefCell::new(None),
        }
    }
}

fn put(request: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = request.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

impl Ask for Driver {
    fn ask(&self, device: &str, request: &mut [u8]) -> io::Result<()> {
        assert_eq!(device, "eth0");
        let word = |at: usize| u32::from_ne_bytes(request[at..at + 4].try_into().expect("4 bytes"));
        let (command, second) = (word(0), word(4));
        match command {
            0x03 => put(request, 4, self.name.as_bytes()),
            0x25 => put(request, 4, &(u32::from(self.rx_hash) << 28).to_ne_bytes()),
            0x29 => {
                let bits = self.fields.get(&second);
                let bits = bits.ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
                put(request, 8, &bits.to_ne_bytes());
            }
            0x2e => put(request, 184, &self.rules.to_ne_bytes()),
            0x46 => {
                let whole =
                    word(8) as usize == self.table.len() && word(12) as usize == self.key.len();
                put(request, 8, &(self.table.len() as u32).to_ne_bytes());
                put(request, 12, &(self.key.len() as u32).to_ne_bytes());
                put(request, 16, &[self.function, self.transform]);
                if whole {
                    let table: Vec<u8> = self.table.iter().flat_map(|q| q.to_ne_bytes()).collect();
                    put(request, 24, &table);
                    put(request, 24 + table.len(), &self.key);
                }
            }
            _ => return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP)),
        }
        if let Some(byte) = *self.damage.borrow() {
            request[4..].fill(byte);
        }
        Ok(())
    }

    fn index(&self, _: &str) -> io::Result<u32> {
        Ok(2)
    }

    fn address(&self, _: &str) -> io::Result<[u8; 6]> {
        Ok([2, 0xfc, 0, 0, 0, 1])
    }
}

impl Host {
    /// Queue n has interrupt 40 + n, which CPU n modulo `cpus` serves.
    pub fn new(name: &str, queues: u32, cpus: u32, driver: Driver) -> Host {
        let root = std::env::temp_dir().join(format!("stallprof-rx-{name}-{}", std::process::id()));
        let host = Host { root, driver };
        host.write("sys/devices/system/cpu/online", &format!("0-{}\n", cpus - 1));
        host.write("proc/sys/kernel/osrelease", "6.1.0-50-cloud-amd64\n");
        host.write("proc/sys/net/core/rps_sock_flow_entries", "0\n");
        let device = "sys/class/net/eth0";
        host.write(&format!("{device}/operstate"), "up\n");
        host.write(&format!("{device}/ifindex"), "2\n");
        host.write(&format!("{device}/address"), "02:fc:00:00:00:01\n");
        host.write(&format!("{device}/threaded"), "0\n");
        let pci = "sys/devices/pci0000:00/0000:00:03.0";
        for queue in 0..queues {
            let (rx, tx) =
                (format!("{device}/queues/rx-{queue}"), format!("{device}/queues/tx-{queue}"));
            host.write(&format!("{rx}/rps_cpus"), "00000000,00000000\n");
            host.write(&format!("{rx}/rps_flow_cnt"), "0\n");
            host.write(
                &format!("{tx}/xps_cpus"),
                &format!("{:x}\n", 1_u64 << (queue % cpus.min(60))),
            );
            host.irq(40 + queue, &format!("ice-eth0-TxRx-{queue}"), &(queue % cpus).to_string());
            host.write(&format!("{pci}/msi_irqs/{}", 40 + queue), "msix\n");
        }
        host.irq(39, "ice-0000:00:03.0:misc", "0");
        host.write(&format!("{pci}/msi_irqs/39"), "msix\n");
        let link = host.root.join(device).join("device");
        std::os::unix::fs::symlink("../../../devices/pci0000:00/0000:00:03.0", link)
            .expect("a link");
        let row = |cpu: u32| {
            let zeros = "00000000 ".repeat(6);
            format!(
                "{:08x} 00000000 00000000 {zeros}0000000a 00000000 00000000 {cpu:08x} 00000000 00000000\n",
                1000 * cpu
            )
        };
        host.write("proc/net/softnet_stat", &(0..cpus).map(row).collect::<String>());
        host
    }

    pub fn irq(&self, number: u32, name: &str, cpus: &str) {
        self.write(&format!("sys/kernel/irq/{number}/actions"), &format!("{name}\n"));
        for file in ["effective_affinity_list", "smp_affinity_list"] {
            self.write(&format!("proc/irq/{number}/{file}"), &format!("{cpus}\n"));
        }
    }

    pub fn write(&self, rel: &str, text: &str) {
        let path = self.root.join(rel);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    pub fn rps(&self, queue: u32, mask: &str) {
        self.write(&format!("sys/class/net/eth0/queues/rx-{queue}/rps_cpus"), mask);
    }

    pub fn read(&self) -> RxHost {
        let ask: &dyn Ask = &self.driver;
        rxpath::read(&HostRoot::new(&self.root), Some(ask), Some("eth0")).expect("a host")
    }

    pub fn files(&self) -> Vec<PathBuf> {
        fn below(dir: &Path, out: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(dir).expect("a folder").flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => below(&entry.path(), out),
                    Ok(kind) if kind.is_file() => out.push(entry.path()),
                    _ => {}
                }
            }
        }
        let mut out = Vec::new();
        below(&self.root, &mut out);
        out
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}
