//! Narrative XHTML: the allow-list of the standard (txt-1) and whether there is anything to read (txt-2).
//!
//! This is a scanner, not a parser of XML: it follows tags and attributes, demands that they nest, and refuses everything that
//! is not in the lists: scripts, forms, objects, event handlers, comments that hide markup, document types, processing instructions.

/// The elements that R4's narrative allows: formatting of HTML 4 chapters 7–11 (except 9.4) and 15, `a` and `img`.
const ELEMENTS: [&str; 57] = [
    "a",
    "abbr",
    "acronym",
    "address",
    "b",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "dfn",
    "dir",
    "div",
    "dl",
    "dt",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "kbd",
    "li",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "bdo",
];

/// The attributes that may stand on any of them.
const ATTRIBUTES: [&str; 51] = [
    "abbr",
    "accesskey",
    "align",
    "alt",
    "axis",
    "bgcolor",
    "border",
    "cellhalign",
    "cellpadding",
    "cellspacing",
    "cellvalign",
    "char",
    "charoff",
    "charset",
    "cite",
    "class",
    "color",
    "colspan",
    "compact",
    "coords",
    "dir",
    "face",
    "frame",
    "headers",
    "height",
    "href",
    "hreflang",
    "hspace",
    "id",
    "lang",
    "longdesc",
    "name",
    "nowrap",
    "rel",
    "rev",
    "rowspan",
    "rules",
    "scope",
    "shape",
    "size",
    "span",
    "src",
    "start",
    "style",
    "summary",
    "tabindex",
    "title",
    "valign",
    "value",
    "vspace",
    "width",
];

/// Also attributes, but ones that only XML has.
const XML_ATTRIBUTES: [&str; 4] = ["xmlns", "xml:lang", "xml:space", "type"];

/// The deepest nesting that is followed; a narrative is text for people.
const DEPTH_MAX: usize = 256;

/// Whether a narrative's `div` is one well-nested XHTML `div` made of allowed elements and attributes.
pub(super) fn is_plain(div: &str) -> bool {
    let div = div.trim();
    if !div.starts_with("<div") {
        return false;
    }
    let mut open: Vec<&str> = Vec::new();
    let mut rest = div;
    while let Some(at) = rest.find('<') {
        if !text_is_plain(&rest[..at]) {
            return false;
        }
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            let Some((_, after)) = comment.split_once("-->") else { return false };
            rest = after;
            continue;
        }
        let Some(end) = tag_end(rest) else { return false };
        let tag = &rest[1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name.trim_end()) || (open.is_empty() && !rest.is_empty()) {
                return false;
            }
            continue;
        }
        let (tag, is_closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let name = tag.split(|c: char| c.is_ascii_whitespace()).next().unwrap_or_default();
        let attributes = &tag[name.len()..];
        if !ELEMENTS.contains(&name) || !attributes_are_plain(attributes) || open.len() >= DEPTH_MAX {
            return false;
        }
        if !is_closed {
            open.push(name);
        }
    }
    open.is_empty() && rest.trim().is_empty()
}

/// Whether there is text that is not white space, or an image.
pub(super) fn has_content(div: &str) -> bool {
    let mut rest = div;
    loop {
        let (text, after) = rest.split_once('<').unwrap_or((rest, ""));
        if !text.trim().is_empty() {
            return true;
        }
        if after.starts_with("img") {
            return true;
        }
        let Some((_, next)) = after.split_once('>') else { return false };
        rest = next;
    }
}

/// The position of the `>` that ends the tag at the beginning, outside of quotes.
fn tag_end(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (byte, quote) {
            (b'"' | b'\'', None) => quote = Some(byte),
            (b'>', None) => return Some(at),
            (byte, Some(open)) if byte == open => quote = None,
            _ => {}
        }
    }
    None
}

/// `name="value"` pairs, every name in the list, no scripts in links.
fn attributes_are_plain(text: &str) -> bool {
    let mut rest = text.trim();
    while !rest.is_empty() {
        let Some((name, after)) = rest.split_once('=') else { return false };
        let name = name.trim_end();
        let after = after.trim_start();
        let Some(quote) = after.chars().next().filter(|c| matches!(c, '"' | '\'')) else { return false };
        let Some((value, next)) = after[1..].split_once(quote) else { return false };
        let is_known = ATTRIBUTES.contains(&name) || XML_ATTRIBUTES.contains(&name) || name.starts_with("xmlns:");
        let link: String = value.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
        let link = link.to_ascii_lowercase();
        if !is_known || value.contains('<') || link.starts_with("javascript:") || link.starts_with("vbscript:") {
            return false;
        }
        rest = next.trim_start();
    }
    true
}

/// Whether every `&` of a text begins a character reference of XML. The standard excludes HTML's names (`&nbsp;`): a resource is
/// also XML, which does not know them.
fn text_is_plain(text: &str) -> bool {
    text.split('&').skip(1).all(|after| {
        let Some((name, _)) = after.split_once(';') else { return false };
        match name.strip_prefix('#') {
            Some(number) => {
                let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
                u32::from_str_radix(digits, radix).ok().and_then(char::from_u32).is_some()
            }
            None => matches!(name, "amp" | "lt" | "gt" | "quot" | "apos"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formatting_is_allowed() {
        for div in [
            r#"<div xmlns="http://www.w3.org/1999/xhtml">text</div>"#,
            r#"<div xmlns="http://www.w3.org/1999/xhtml"><p>a &lt; b&#160;&#x5EB7;</p><br/><table class="grid"><tr><td>1</td></tr></table></div>"#,
            r##"<div><a href="#x" title="a > b">x</a><!-- note --><img src="a.png" alt=""/></div>"##,
        ] {
            assert!(is_plain(div), "{div}");
            assert!(has_content(div), "{div}");
        }
    }

    #[test]
    fn active_or_broken_content_is_refused() {
        for div in [
            "text",
            "<p>no div</p>",
            "<div>open",
            "<div><p></div></p>",
            "<div>a</div><div>b</div>",
            "<div>a</div>b",
            "<div><script>x</script></div>",
            "<div onclick=\"x()\">a</div>",
            "<div><a href=\"java\nscript:x()\">a</a></div>",
            "<div><form/>a</div>",
            "<div>a & b</div>",
            "<div>a&nbsp;b</div>",
            "<div>a&#xD800;b</div>",
            "<div class=x>a</div>",
            "<div><!DOCTYPE x>a</div>",
            "<div><![CDATA[x]]></div>",
        ] {
            assert!(!is_plain(div), "{div}");
        }
        assert!(!has_content("<div> <p/> </div>"));
        assert!(!has_content(""));
    }
}
