//! Enough of XML to see whether a file is some.

/// The names of all elements, if everything that is opened is closed and all text is escaped.
pub(crate) fn elements(xml: &str) -> Result<Vec<String>, String> {
    let (mut open, mut all) = (Vec::new(), Vec::new());
    let mut rest = xml;
    while let Some(at) = rest.find(['<', '&', '>']) {
        let (text, behind) = rest.split_at(at);
        if behind.starts_with('>') {
            return Err(format!("a bare > behind {text:?}"));
        }
        if let Some(entity) = behind.strip_prefix('&') {
            let name = entity.split(';').next().unwrap_or("");
            if !["amp", "lt", "gt", "quot"].contains(&name) {
                return Err(format!("a bare & behind {text:?}"));
            }
            rest = &entity[name.len()..];
            continue;
        }
        if let Some(data) = behind.strip_prefix("<![CDATA[") {
            rest = data.split_once("]]>").ok_or("CDATA without an end")?.1;
            continue;
        }
        let (tag, behind) = behind[1..].split_once('>').ok_or("a tag without an end")?;
        rest = behind;
        if let Some(name) = tag.strip_prefix('/') {
            let opened: String = open.pop().unwrap_or_default();
            if opened != name {
                return Err(format!("</{name}> closes <{opened}>"));
            }
            continue;
        }
        let name = tag.split([' ', '/', '\n']).next().unwrap_or("").to_owned();
        if tag.matches('"').count() % 2 != 0 {
            return Err(format!("a value without an end in <{tag}>"));
        }
        if !tag.ends_with('/') {
            open.push(name.clone());
        }
        all.push(name);
    }
    if open.is_empty() {
        Ok(all)
    } else {
        Err(format!("{open:?} are not closed"))
    }
}

#[test]
fn what_is_wrong_is_seen() {
    assert_eq!(elements(r#"<a x="1"><b/>&lt;</a>"#).unwrap(), ["a", "b"]);
    for wrong in [
        "<a>",
        "<a></b>",
        "<a>x & y</a>",
        "<a>x > y</a>",
        "<a",
        r#"<a x="1></a>"#,
    ] {
        assert!(elements(wrong).is_err(), "{wrong}");
    }
}
