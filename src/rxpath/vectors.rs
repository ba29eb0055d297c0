//! Which interrupt belongs to which receive queue: drivers tell it in the interrupts' names only.

use std::collections::BTreeMap;

use super::nic::Irq;

/// The interrupt of each receive queue, by the names that drivers give: `virtio2-input.3`,
/// `eth0-TxRx-3`, `ena: eth0-Tx-Rx-3`, `mlx5_comp3@pci:0000:3b:00.0`.
///
/// A guess would be a wrong CPU: the numbers must be those of the queues, 0 to `queues` - 1, each
/// once (of mlx5 there may be more, as many as vectors). A device with one queue and one interrupt
/// needs no number.
///
/// # Errors
/// Why no queue has an interrupt, for people.
pub fn assign(device: &str, irqs: &[Irq], queues: usize) -> Result<BTreeMap<u32, u32>, String> {
    if irqs.is_empty() {
        return Err(format!("{device} has no interrupts of its own"));
    }
    if let ([only], 1) = (irqs, queues) {
        return Ok(BTreeMap::from([(0, only.number)]));
    }
    let mut found: BTreeMap<u32, Vec<&Irq>> = BTreeMap::new();
    for irq in irqs {
        if let Some(queue) = receive_queue(&irq.name) {
            found.entry(queue).or_default().push(irq);
        }
    }
    let whole = (0..queues as u32).all(|q| found.get(&q).is_some_and(|irqs| irqs.len() == 1));
    let spare = found.len() > queues && !found.values().flatten().all(|irq| spares(&irq.name));
    if !whole || spare {
        let names: Vec<&str> = irqs.iter().take(3).map(|irq| irq.name.as_str()).collect();
        return Err(format!(
            "the names of {device}'s interrupts ({}{}) do not tell which queue is whose",
            names.join(", "),
            if irqs.len() > 3 { ", ..." } else { "" }
        ));
    }
    let of_queue = |(queue, irqs): (u32, Vec<&Irq>)| Some((queue, irqs.first()?.number));
    Ok(found.into_iter().filter(|(q, _)| (*q as usize) < queues).filter_map(of_queue).collect())
}

/// Whether a driver may have more vectors than queues, in the order of the queues.
fn spares(name: &str) -> bool {
    name.starts_with("mlx5_comp")
}

/// The number of the receive queue in an interrupt's name; None if it is for something else, or if
/// it is not understood.
fn receive_queue(name: &str) -> Option<u32> {
    // Names like mlx5_comp3@pci:0000:3b:00.0: the device follows.
    let name = name.split('@').next()?;
    let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (head, number) = name.split_at(name.len() - digits);
    let head = head.to_ascii_lowercase();
    let kind = head.trim_end_matches(['-', '.', '_', ' ']);
    let receives = ["rx", "input", "txrx", "mlx5_comp", "tx-rx", "rxtx", "fp"]
        .iter()
        .any(|end| kind.ends_with(end) && apart(kind, end));
    number.parse().ok().filter(|_| receives)
}

/// Whether `end` stands as a word of its own at the end of `kind`.
fn apart(kind: &str, end: &str) -> bool {
    let before = kind[..kind.len() - end.len()].bytes().last();
    before.is_none_or(|b| !b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn irqs(names: &[&str]) -> Vec<Irq> {
        let irq = |(i, name): (usize, &&str)| Irq {
            number: 40 + i as u32,
            name: (*name).to_owned(),
            ..Irq::default()
        };
        names.iter().enumerate().map(irq).collect()
    }

    fn numbers(names: &[&str], queues: usize) -> Option<Vec<u32>> {
        let map = assign("eth0", &irqs(names), queues).ok()?;
        assert!(map.keys().copied().eq(0..queues as u32));
        Some(map.into_values().collect())
    }

    #[test]
    fn names_of_drivers() {
        let virtio = ["virtio2-config", "virtio2-input.0", "virtio2-output.0", "virtio2-input.1"];
        assert_eq!(numbers(&virtio, 2), Some(vec![41, 43]));
        assert_eq!(numbers(&["eth0", "eth0-TxRx-0", "eth0-TxRx-1"], 2), Some(vec![41, 42]));
        assert_eq!(numbers(&["i40e-eth0-TxRx-1", "i40e-eth0-TxRx-0"], 2), Some(vec![41, 40]));
        assert_eq!(
            numbers(&["ena-mgmnt@pci:0", "eth0-Tx-Rx-0", "eth0-Tx-Rx-1"], 2).map(|v| v[1]),
            Some(42)
        );
        let mlx5 = [
            "mlx5_async@pci:0000:3b:00.0",
            "mlx5_comp0@pci:0000:3b:00.0",
            "mlx5_comp1@pci:0000:3b:00.0",
            "mlx5_comp2@pci:0000:3b:00.0",
        ];
        assert_eq!(numbers(&mlx5, 2), Some(vec![41, 42]));
        assert_eq!(numbers(&["eth0-rx-0", "eth0-tx-0"], 1), Some(vec![40]));
        assert_eq!(numbers(&["enp0s3"], 1), Some(vec![40]));
    }

    #[test]
    fn what_is_not_clear_is_not_assigned() {
        for (names, queues) in [
            (&["eth0-tx-0", "eth0-tx-1"][..], 2),
            // tg3 counts from 1.
            (&["eth0-rx-1", "eth0-rx-2"], 2),
            (&["eth0-rx-0", "eth0-rx-1", "eth0-rx-2"], 2),
            (&["eth0-rx-0", "eth0-rx-0"], 1),
            (&["gve-ntfy-blk0@pci:1", "gve-ntfy-blk1@pci:1"], 1),
            (&["eth0"], 2),
            (&["eth0-0", "eth0-1"], 2),
            (&["eth0-rx-99999999999", "\u{e9}"], 1),
            (&[], 1),
        ] {
            assert!(assign("eth0", &irqs(names), queues).is_err(), "{names:?}");
        }
    }
}
