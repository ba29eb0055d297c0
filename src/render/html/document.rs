//! The frame of a page: its style and script, the policy that lets nothing else in, the way around.

use std::io::{self, Write};

use sha2::{Digest, Sha256};

use super::super::figures::palette;
use super::super::markup;

/// A whole document: what is needed to read `main`, and the way around in it.
pub(super) fn document(
    out: &mut dyn Write,
    title: &str,
    sections: &[(&str, &str)],
    main: &str,
) -> io::Result<()> {
    let style = style();
    let script = include_str!("page.js");
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <meta name=\"referrer\" content=\"no-referrer\"/>\n\
         <title>{}</title>\n<style>{style}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#verdict\">Skip to the verdict</a>\n",
        policy(),
        markup::text(title)
    )?;
    write!(out, "{}<main>\n{main}", head(sections))?;
    write!(out, "</main>\n<script>{script}</script>\n</body>\n</html>\n")
}

/// What the page may do, as its content security policy: only its own style and script.
#[must_use]
pub fn policy() -> String {
    format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        hash(&style()),
        hash(include_str!("page.js"))
    )
}

/// What stands above the verdict: the way around, and the switch of the theme.
fn head(sections: &[(&str, &str)]) -> String {
    let links: Vec<String> = sections
        .iter()
        .map(|(id, title)| format!("<li><a href=\"#{id}\">{title}</a></li>"))
        .collect();
    format!(
        "<header><nav aria-label=\"Sections\"><ul><li><a href=\"#verdict\">Verdict</a></li>{}</ul>\
         </nav><button id=\"theme\" type=\"button\" hidden=\"\">Dark</button></header>\n",
        links.concat()
    )
}

/// The style that all pages share.
pub(super) fn style() -> String {
    let (light, dark) = (palette::variables(false), palette::variables(true));
    format!(
        ":root{{color-scheme:light;{light}}}\n\
         @media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light])\
         {{color-scheme:dark;{dark}}}}}\n\
         @media screen{{:root[data-theme=dark]{{color-scheme:dark;{dark}}}}}\n{}{}",
        palette::rules(),
        include_str!("page.css")
    )
}

/// What the content security policy knows a style or a script by.
pub(super) fn hash(text: &str) -> String {
    format!("sha256-{}", base64(&Sha256::digest(text.as_bytes())))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |n: usize| u32::from(three.get(n).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for n in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * n)) as usize & 63];
            text.push(if n <= three.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_known_texts() {
        let known =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (text, encoded) in known {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
    }
}
