//! The one palette. Marks have a contrast of 3:1 to their ground and text one of 4.5:1. What was late
//! is darker than who ran (on dark ground, lighter), so that no colour of the timeline means both; and
//! the colour-blind can tell all of them apart. Tests measure it.

use std::fmt::Write;

/// Name, on light ground, on dark ground.
const COLORS: [(&str, &str, &str); 33] = [
    ("bg", "#ffffff", "#14171b"),
    ("panel", "#f5f6f8", "#1b2026"),
    ("ink", "#1a1d21", "#e8eaed"),
    ("dim", "#57606a", "#a4adb8"),
    ("line", "#c9d0d8", "#3d4651"),
    ("grid", "#e6e9ee", "#272d35"),
    ("on", "#ffffff", "#14171b"),
    ("accent", "#b3400a", "#ff9a57"),
    ("link", "#0b5fa5", "#6cb6ff"),
    ("band", "#fbe6da", "#40281a"),
    // What was late, and what else took its time.
    ("delay", "#4c0200", "#f5cbbf"),
    ("handoff", "#6c2b64", "#eb9aee"),
    ("gap", "#251677", "#d5d4fd"),
    ("run", "#555202", "#c9cc3a"),
    ("irq", "#352a31", "#fbe9eb"),
    ("call", "#24482e", "#adfa7a"),
    // Who ran: the worst culprit first.
    ("w0", "#f35075", "#db2f57"),
    ("w1", "#6651d5", "#467ffe"),
    ("w2", "#519163", "#83b180"),
    ("w3", "#b14aa0", "#a63a84"),
    ("w4", "#af9105", "#7e6300"),
    ("w5", "#279bdf", "#3569b9"),
    ("w6", "#817600", "#a89910"),
    ("wo", "#8a939e", "#7d8792"),
    ("wi", "#dde1e6", "#333a43"),
    // Little to much, for heat maps: stall time, then samples.
    ("h1", "#fbdcc8", "#4a2c17"),
    ("h2", "#f2ae82", "#85461b"),
    ("h3", "#e0752f", "#c8692a"),
    ("h4", "#a33e06", "#ffb27a"),
    ("s1", "#cfe4f3", "#1c3547"),
    ("s2", "#8fc1e3", "#245a80"),
    ("s3", "#3d8fc8", "#3a8cc4"),
    ("s4", "#08558c", "#a6dcff"),
];

/// Classes that fill with a colour of the palette by their own name.
const FILLS: [&str; 23] = [
    "delay", "handoff", "gap", "run", "irq", "call", "w0", "w1", "w2", "w3", "w4", "w5", "w6",
    "wo", "wi", "h1", "h2", "h3", "h4", "s1", "s2", "s3", "s4",
];

/// The palette as declarations of CSS variables.
pub(in crate::render) fn variables(dark: bool) -> String {
    let mut css = String::new();
    for (name, light, night) in COLORS {
        let _ = write!(css, "--{name}:{};", if dark { night } else { light });
    }
    css
}

/// How figures look, by variables of the palette.
pub(in crate::render) fn rules() -> String {
    let mut css = include_str!("figure.css").to_owned();
    for name in FILLS {
        let _ = writeln!(css, ".{name}{{fill:var(--{name});background:var(--{name})}}");
    }
    for n in 0..7 {
        let _ = writeln!(css, ".fig .c{n}{{stroke:var(--w{n})}}.fig .t{n}{{fill:var(--w{n})}}");
    }
    css
}

/// The same for a file of its own: many programs that draw SVG know no variables.
pub(super) fn rules_on_light() -> String {
    let mut css = rules();
    for (name, light, _) in COLORS {
        css = css.replace(&format!("var(--{name})"), light);
    }
    css
}

/// The name of a colour that stands on light ground, for what others draw.
pub(super) fn light(name: &str) -> &'static str {
    COLORS.iter().find(|(known, ..)| *known == name).map_or("#000000", |(_, light, _)| light)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Red, green and blue as amounts of light.
    fn linear(hex: &str) -> [f64; 3] {
        [1, 3, 5].map(|at| {
            let c = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap_or(0)) / 255.0;
            if c <= 0.03928 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        })
    }

    fn luminance(hex: &str) -> f64 {
        let [red, green, blue] = linear(hex);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn of(name: &str, dark: bool) -> &'static str {
        let found = COLORS.iter().find(|(known, ..)| *known == name);
        found.map_or("#000000", |(_, light, night)| if dark { night } else { light })
    }

    #[test]
    fn text_and_marks_stand_out_from_their_ground() {
        for dark in [false, true] {
            for ground in ["bg", "panel"] {
                for text in ["ink", "dim", "accent", "link"] {
                    let ratio = contrast(of(text, dark), of(ground, dark));
                    assert!(ratio >= 4.5, "{text} on {ground}, dark {dark}: {ratio:.2}");
                }
            }
            for mark in KINDS.iter().chain(&TASKS[..7]) {
                let ratio = contrast(of(mark, dark), of("bg", dark));
                assert!(ratio >= 3.0, "{mark}, dark {dark}: {ratio:.2}");
            }
            // These bear their length as text, and lie on the ground of a stall.
            for mark in KINDS {
                let ratios = ["on", "band"].map(|other| contrast(of(mark, dark), of(other, dark)));
                assert!(ratios[0] >= 4.5 && ratios[1] >= 3.0, "{mark}, dark {dark}: {ratios:?}");
            }
        }
    }

    /// What the rows of a timeline are filled with, and its last one.
    const KINDS: [&str; 6] = ["delay", "handoff", "gap", "run", "irq", "call"];
    const TASKS: [&str; 9] = ["w0", "w1", "w2", "w3", "w4", "w5", "w6", "wo", "wi"];

    /// What is seen of linear red, green and blue: by most, and without the cones for long, middle and
    /// short waves (Machado, Oliveira and Fernandes 2009).
    const SIGHTS: [[[f64; 3]; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.01182, 0.04294, 0.968881],
        ],
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.3039],
        ],
    ];
    /// From linear colours to cones, and from their cube roots to Oklab (Ottosson 2020).
    const CONES: [[f64; 3]; 3] = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ];
    const OKLAB: [[f64; 3]; 3] = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ];

    fn times(m: &[[f64; 3]; 3], v: [f64; 3]) -> [f64; 3] {
        [0, 1, 2].map(|row| (0..3).map(|n| m[row][n] * v[n]).sum())
    }

    /// How far apart two colours look, in Oklab, to those who see the least of it.
    fn apart(a: &str, b: &str) -> f64 {
        let seen = |hex: &str, sight: &[[f64; 3]; 3]| {
            let linear = times(sight, linear(hex)).map(|part| part.clamp(0.0, 1.0));
            times(&OKLAB, times(&CONES, linear).map(f64::cbrt))
        };
        let distance = |sight| {
            let (a, b) = (seen(a, sight), seen(b, sight));
            (0..3).map(|n| (a[n] - b[n]).powi(2)).sum::<f64>().sqrt()
        };
        SIGHTS.iter().map(distance).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn no_colour_of_the_timeline_means_two_things_whoever_looks() {
        for dark in [false, true] {
            let mut all: Vec<(&str, bool)> = KINDS.iter().map(|kind| (*kind, true)).collect();
            all.extend(TASKS.iter().map(|task| (*task, false)));
            for (n, (one, late)) in all.iter().enumerate() {
                for (other, also) in &all[n + 1..] {
                    // Rows bear their names; who ran is told by colour alone, and late is no task.
                    let least = match (late, also) {
                        (true, true) => 0.06,
                        (false, false) => 0.07,
                        _ => 0.12,
                    };
                    let is = apart(of(one, dark), of(other, dark));
                    assert!(is >= least, "{one} and {other}, dark {dark}: {is:.3}");
                }
            }
        }
    }

    #[test]
    fn no_variable_is_left_in_a_file_of_its_own() {
        assert!(!rules_on_light().contains("var("));
    }
}
