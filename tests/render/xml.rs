//! Enough of XML to tell a well-formed document from one that a name has broken.

/// The names of all elements and the text between tags, entities kept. Panics where a browser
/// would show an error.
pub fn read(svg: &str) -> (Vec<String>, Vec<String>) {
    assert!(!svg.chars().any(|c| c.is_control() && c != '\n' && c != '\t' && c != '\r'));
    assert!(!svg.chars().any(|c| (c as u32) & 0xfffe == 0xfffe), "noncharacter");
    let (mut open, mut names, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    let mut rest = svg;
    while let Some(at) = rest.find('<') {
        let (text, tail) = rest.split_at(at);
        entities(text);
        if !text.trim().is_empty() {
            texts.push(text.trim().to_owned());
        }
        rest = tail;
        if let Some(tail) = rest.strip_prefix("<![CDATA[") {
            rest = &tail[tail.find("]]>").expect("open CDATA") + 3..];
            continue;
        }
        if let Some(tail) = rest.strip_prefix("<!--") {
            let end = tail.find("--").expect("open comment");
            rest = tail[end..].strip_prefix("-->").expect("two hyphens in a comment");
            continue;
        }
        let end = tag_end(rest);
        let tag = &rest[1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name.trim()), "crossed tags");
        } else if !tag.starts_with(['?', '!']) {
            let name = tag.split(|c: char| c.is_whitespace() || c == '/').next().unwrap();
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == ':'), "tag <{name}>");
            names.push(name.to_owned());
            if !tag.ends_with('/') {
                open.push(name.to_owned());
            }
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    assert!(rest.trim().is_empty());
    (names, texts)
}

/// Where a tag ends: the first `>` outside quotes.
fn tag_end(tag: &str) -> usize {
    let mut quote = None;
    for (at, c) in tag.char_indices() {
        match (quote, c) {
            (None, '>') => return at,
            (None, '"' | '\'') => quote = Some(c),
            (Some(q), c) if q == c => quote = None,
            (Some(_), '<') => panic!("< in an attribute"),
            _ => {}
        }
    }
    panic!("a tag has no end: {tag:.80}");
}

fn entities(text: &str) {
    assert!(!text.contains("]]>"));
    for part in text.split('&').skip(1) {
        let name = part.split(';').next().unwrap();
        let known = ["amp", "lt", "gt", "quot", "apos"].contains(&name) || name.starts_with('#');
        assert!(known && part.contains(';'), "bare & before {part:.20}");
    }
}
