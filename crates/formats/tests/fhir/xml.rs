//! Just enough XML to read the inputs of the FHIRPath suite: elements, attributes, text, character references.

/// An element.
#[derive(Debug, Default)]
pub struct Node {
    /// Its name without prefix.
    pub name: String,
    /// Its attributes.
    pub attributes: Vec<(String, String)>,
    /// Its child elements.
    pub children: Vec<Node>,
    /// Its own text, joined.
    pub text: String,
    /// The element as it was written.
    pub source: String,
}

impl Node {
    /// An attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// The root element of a document.
pub fn parse(text: &str) -> Node {
    let start = skip(text, 0);
    element(text, start).0
}

/// Passes over white space, comments, declarations.
fn skip(text: &str, mut at: usize) -> usize {
    loop {
        let rest = &text[at..];
        let trimmed = rest.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']);
        at += rest.len() - trimmed.len();
        let close = match trimmed {
            rest if rest.starts_with("<!--") => "-->",
            rest if rest.starts_with("<?") => "?>",
            _ => return at,
        };
        at += trimmed.find(close).unwrap() + close.len();
    }
}

fn element(text: &str, start: usize) -> (Node, usize) {
    let mut node = Node::default();
    let mut at = start + 1;
    let end = at + text[at..].find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap();
    text[at..end].rsplit(':').next().unwrap().clone_into(&mut node.name);
    at = end;
    loop {
        at = skip(text, at);
        if text[at..].starts_with("/>") {
            node.source = text[start..at + 2].to_owned();
            return (node, at + 2);
        }
        if text[at..].starts_with('>') {
            at += 1;
            break;
        }
        let equals = at + text[at..].find('=').unwrap();
        let quote = skip(text, equals + 1);
        let close = quote + 1 + text[quote + 1..].find(&text[quote..=quote]).unwrap();
        node.attributes.push((text[at..equals].trim().to_owned(), plain(&text[quote + 1..close])));
        at = close + 1;
    }
    loop {
        let next = at + text[at..].find('<').unwrap();
        node.text.push_str(&plain(&text[at..next]));
        let rest = &text[next..];
        if rest.starts_with("</") {
            at = next + rest.find('>').unwrap() + 1;
            node.source = text[start..at].to_owned();
            return (node, at);
        }
        if rest.starts_with("<!--") {
            at = next + rest.find("-->").unwrap() + 3;
        } else if let Some(data) = rest.strip_prefix("<![CDATA[") {
            let end = data.find("]]>").unwrap();
            node.text.push_str(&data[..end]);
            at = next + 9 + end + 3;
        } else {
            let (child, after) = element(text, next);
            node.children.push(child);
            at = after;
        }
    }
}

/// Text with its character references resolved.
fn plain(text: &str) -> String {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';').unwrap();
        out.push(match name {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            hex if hex.starts_with("#x") => char::from_u32(u32::from_str_radix(&hex[2..], 16).unwrap()).unwrap(),
            number => char::from_u32(number[1..].parse().unwrap()).unwrap(),
        });
        out.push_str(rest);
    }
    out
}
