//! The one palette: derived from Okabe and Ito's, which the colour-blind can tell apart; darkened
//! for white ground so that marks have a contrast of 3:1 and text one of 4.5:1.

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
    // What was late.
    ("delay", "#d55e00", "#f0803c"),
    ("handoff", "#b0508a", "#d98bb8"),
    ("gap", "#0072b2", "#49a7e0"),
    ("run", "#b07700", "#e8b13c"),
    ("irq", "#3b4048", "#cfd4da"),
    ("call", "#00825c", "#35b58c"),
    // Who ran: the worst culprit first.
    ("w0", "#d55e00", "#f0803c"),
    ("w1", "#0072b2", "#49a7e0"),
    ("w2", "#00825c", "#35b58c"),
    ("w3", "#b0508a", "#d98bb8"),
    ("w4", "#b07700", "#e8b13c"),
    ("w5", "#3d9bd4", "#8fd0f5"),
    ("w6", "#7a7d1c", "#c2c55a"),
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

    fn luminance(hex: &str) -> f64 {
        let part = |at: usize| {
            let c = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap_or(0)) / 255.0;
            if c <= 0.03928 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
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
            for mark in ["delay", "handoff", "gap", "run", "irq", "call", "w5", "w6"] {
                let ratio = contrast(of(mark, dark), of("bg", dark));
                assert!(ratio >= 3.0, "{mark}, dark {dark}: {ratio:.2}");
            }
        }
    }

    #[test]
    fn no_variable_is_left_in_a_file_of_its_own() {
        assert!(!rules_on_light().contains("var("));
    }
}
