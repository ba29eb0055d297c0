//! Colours of frames: by what they are, with a shade that only the name decides, so that a
//! function has one colour in every graph.

use inferno::flamegraph::color::{Color, PaletteMap};

use super::fold::APART;

/// Colours for all frames of folded lines.
pub(super) fn of(folded: &[(String, u64)]) -> PaletteMap {
    let mut colors = PaletteMap::default();
    // The frame below all, which inferno adds, has no name.
    colors.insert("", Color { r: 200, g: 205, b: 212 });
    for (line, _) in folded {
        for (depth, frame) in line.split(';').enumerate() {
            if colors.get(frame).is_none() {
                colors.insert(frame, color(frame, depth));
            }
        }
    }
    colors
}

fn color(frame: &str, depth: usize) -> Color {
    // FNV-1a: the same everywhere, unlike the hash of std.
    let hash = frame
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    let shade = ((hash >> 32) % 64) as u8;
    let (r, g, b) = match frame {
        "idle" => (214, 214, 214),
        _ if depth == 0 => (176, 190, 205),
        _ if depth == 1 => (150, 200, 170),
        // The system call: the seam between a process's will and the kernel's work.
        _ if is_call(frame) => (120, 180, 225),
        _ if frame.ends_with("_[k]") => (222 + shade / 3, 108 + shade, 50 + shade / 2),
        _ => (225 + shade / 4, 190 + shade / 2, 80 + shade),
    };
    Color { r, g, b }
}

/// `read(2)`, `read(2) /proc/stat`, `syscall 451`.
fn is_call(frame: &str) -> bool {
    let name = frame.trim_end_matches(APART).split(' ').next().unwrap_or(frame);
    name.ends_with("(2)") || name == "syscall"
}
