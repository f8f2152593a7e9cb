//! A document as a flat list of elements: local names, attributes, text, and the place of each in the source.
//!
//! Built in one pass over the text with hard limits for depth and number of elements; no DTD, no entities beyond the five of
//! XML. Namespaces and prefixes are looked at only at the root: documents in use get them wrong too often to depend on them.
//! Misspelt names are corrected here, so that everything behind sees right names only.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use standards::cda::skeleton;

use super::findings::{Findings, rule};

/// Deeper nesting than this is an attack, not a document: the deepest template has 14 levels, nested organizations add 12.
pub const DEPTH_MAX: usize = 96;
/// More elements than this are no document that a hospital writes: the longest known has some 3,000.
pub const ELEMENTS_MAX: usize = 200_000;

/// Position of an element in a [`Tree`].
pub type Position = u32;
const NONE: Position = Position::MAX;

/// One element.
#[derive(Debug)]
struct Node<'a> {
    /// The local name, corrected when it was misspelt.
    name: &'a str,
    /// Where its start tag begins, in bytes.
    offset: usize,
    parent: Position,
    first: Position,
    last: Position,
    next: Position,
    attributes: (u32, u32),
    text: Cow<'a, str>,
    /// Which of the siblings of the same name it is, from 1.
    ordinal: u32,
}

/// A parsed document.
#[derive(Debug)]
pub struct Tree<'a> {
    source: &'a str,
    nodes: Vec<Node<'a>>,
    attributes: Vec<(&'a str, Cow<'a, str>)>,
    lines: Vec<usize>,
}

/// Why a text is no tree; the finding says where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

impl<'a> Tree<'a> {
    /// Parses a text. Findings are told to `findings`; a fatal one ends the parse.
    ///
    /// # Errors
    /// [`Unreadable`] after a fatal finding.
    pub fn parse(source: &'a str, findings: &mut Findings) -> Result<Self, Unreadable> {
        let lines = std::iter::once(0).chain(source.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let mut tree = Self { source, nodes: Vec::with_capacity(source.len() / 48), attributes: Vec::new(), lines };
        let mut reader = Reader::from_str(source);
        let config = reader.config_mut();
        config.check_end_names = true;
        config.allow_dangling_amp = true;
        let mut open: Vec<Position> = Vec::with_capacity(32);
        let mut counts: Vec<Vec<(&'a str, u32)>> = Vec::new();
        let mut names = Names::default();
        loop {
            let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(error) => {
                    let at = usize::try_from(reader.error_position()).unwrap_or(at);
                    return Err(tree.refuse(findings, rule::XML_MALFORMED, at, &error.to_string()));
                }
            };
            match event {
                Event::Start(start) => {
                    let node = tree.element(&start, at, &open, &mut counts, &mut names, findings)?;
                    open.push(node);
                }
                Event::Empty(start) => {
                    tree.element(&start, at, &open, &mut counts, &mut names, findings)?;
                }
                Event::End(_) => {
                    open.pop();
                }
                Event::Text(text) => tree.append(&open, &text),
                Event::CData(text) => tree.append(&open, &text),
                Event::GeneralRef(name) => {
                    let name = String::from_utf8_lossy(&name).into_owned();
                    let text = resolve(&name).unwrap_or_else(|| {
                        let (line, column) = tree.place(at);
                        findings.add(rule::XML_ENTITY_UNKNOWN, "", line, column, &format!("&{name};"));
                        format!("&{name};")
                    });
                    if let Some(node) = open.last() {
                        tree.nodes[*node as usize].text.to_mut().push_str(&text);
                    }
                }
                Event::DocType(_) => return Err(tree.refuse(findings, rule::XML_DOCTYPE, at, "<!DOCTYPE")),
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
        if tree.nodes.is_empty() || !open.is_empty() {
            return Err(tree.refuse(findings, rule::XML_MALFORMED, source.len(), "文件在元素结束之前中断"));
        }
        Ok(tree)
    }

    fn refuse(&self, findings: &mut Findings, id: &'static str, at: usize, found: &str) -> Unreadable {
        let (line, column) = self.place(at.min(self.source.len()));
        findings.add(id, "", line, column, found);
        Unreadable
    }

    fn element(
        &mut self,
        start: &BytesStart<'_>,
        at: usize,
        open: &[Position],
        counts: &mut Vec<Vec<(&'a str, u32)>>,
        names: &mut Names<'a>,
        findings: &mut Findings,
    ) -> Result<Position, Unreadable> {
        if open.len() >= DEPTH_MAX {
            return Err(self.refuse(findings, rule::XML_TOO_DEEP, at, ""));
        }
        if self.nodes.len() >= ELEMENTS_MAX {
            return Err(self.refuse(findings, rule::XML_TOO_MANY_ELEMENTS, at, ""));
        }
        let tag = self.source.get(at + 1..at + 1 + start.name().as_ref().len()).unwrap_or_default();
        let local = tag.rsplit(':').next().unwrap_or(tag);
        let name = names.right(local);
        let first_attribute = u32::try_from(self.attributes.len()).unwrap_or(u32::MAX);
        self.read_attributes(tag.len(), at, start, findings);
        let end_attribute = u32::try_from(self.attributes.len()).unwrap_or(u32::MAX);
        let position = u32::try_from(self.nodes.len()).unwrap_or(NONE);
        if counts.len() < open.len() + 2 {
            counts.resize_with(open.len() + 2, Vec::new);
        }
        counts[open.len() + 1].clear();
        let ordinal = ordinal(&mut counts[open.len()], name);
        let parent = open.last().copied().unwrap_or(NONE);
        let node = Node {
            name,
            offset: at,
            parent,
            first: NONE,
            last: NONE,
            next: NONE,
            attributes: (first_attribute, end_attribute),
            text: Cow::Borrowed(""),
            ordinal,
        };
        self.nodes.push(node);
        if parent != NONE {
            let last = self.nodes[parent as usize].last;
            if last == NONE {
                self.nodes[parent as usize].first = position;
            } else {
                self.nodes[last as usize].next = position;
            }
            self.nodes[parent as usize].last = position;
        }
        if name != local {
            let (line, column) = self.place(at);
            let path = self.path(position);
            findings.add(rule::NAME_MISSPELT, &path, line, column, local).expected = Some(name.to_owned());
        }
        Ok(position)
    }

    fn read_attributes(&mut self, tag_length: usize, at: usize, start: &BytesStart<'_>, findings: &mut Findings) {
        let from = at + 1 + tag_length;
        let to = at + 1 + start.len();
        let mut rest = self.source.get(from..to).unwrap_or_default();
        let first = self.attributes.len();
        loop {
            rest = rest.trim_start_matches(|character: char| character.is_ascii_whitespace() || character == '/');
            let Some((key, after)) = rest.split_once('=') else { break };
            let key = key.trim();
            let after = after.trim_start();
            let Some(quote) = after.chars().next().filter(|quote| matches!(quote, '"' | '\'')) else { break };
            let Some((raw, left)) = after[1..].split_once(quote) else { break };
            rest = left;
            let value = unescape(raw);
            // A namespace keeps its prefix; of other names only the local part counts.
            let key = if key.starts_with("xmlns") { key } else { key.rsplit(':').next().unwrap_or(key) };
            if self.attributes[first..].iter().any(|(known, _)| *known == key) {
                let (line, column) = self.place(at);
                findings.add(rule::ATTRIBUTE_DUPLICATE, "", line, column, key);
                continue;
            }
            self.attributes.push((key, value));
        }
    }

    fn append(&mut self, open: &[Position], raw: &[u8]) {
        let Some(node) = open.last() else { return };
        let node = &mut self.nodes[*node as usize];
        if node.text.is_empty() && raw.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let Ok(text) = std::str::from_utf8(raw) else { return };
        // The event borrows the source; take the same stretch from there, so that nothing is copied.
        let start = (text.as_ptr() as usize).wrapping_sub(self.source.as_ptr() as usize);
        let borrowed = self.source.get(start..start.wrapping_add(text.len()));
        match borrowed {
            Some(text) if node.text.is_empty() => node.text = Cow::Borrowed(text),
            _ => node.text.to_mut().push_str(text),
        }
    }

    /// The root element.
    #[must_use]
    pub fn root(&self) -> Position {
        0
    }

    /// The name of an element.
    #[must_use]
    pub fn name(&self, position: Position) -> &'a str {
        self.nodes[position as usize].name
    }

    /// The parent of an element.
    #[must_use]
    pub fn parent(&self, position: Position) -> Option<Position> {
        Some(self.nodes[position as usize].parent).filter(|parent| *parent != NONE)
    }

    /// The children of an element, in order.
    pub fn children(&self, position: Position) -> impl Iterator<Item = Position> + '_ {
        let mut next = self.nodes[position as usize].first;
        std::iter::from_fn(move || {
            let current = Some(next).filter(|current| *current != NONE)?;
            next = self.nodes[current as usize].next;
            Some(current)
        })
    }

    /// The first child with this name.
    #[must_use]
    pub fn child(&self, position: Position, name: &str) -> Option<Position> {
        self.children(position).find(|child| self.name(*child) == name)
    }

    /// The first element below, step by step: `assignedAuthor/assignedPerson/name`.
    #[must_use]
    pub fn below(&self, position: Position, path: &str) -> Option<Position> {
        path.split('/').filter(|step| !step.is_empty()).try_fold(position, |at, step| self.child(at, step))
    }

    /// Every element that the steps lead to; `**` stands for any number of elements.
    pub fn all_below(&self, position: Position, path: &str) -> Vec<Position> {
        let mut found = vec![position];
        let mut deep = false;
        for step in path.split('/').filter(|step| !step.is_empty()) {
            if step == "**" {
                deep = true;
                continue;
            }
            let mut next = Vec::new();
            for at in found {
                if deep {
                    next.extend(self.descendants(at).filter(|below| self.name(*below) == step));
                } else {
                    next.extend(self.children(at).filter(|child| self.name(*child) == step));
                }
            }
            found = next;
            deep = false;
        }
        found
    }

    /// All elements inside an element, in order. Elements are stored in the order of their start tags.
    pub fn descendants(&self, position: Position) -> impl Iterator<Item = Position> + '_ {
        let end = self.end(position);
        position + 1..end
    }

    /// The position behind the last element inside an element.
    #[must_use]
    pub fn end(&self, position: Position) -> Position {
        let mut at = position;
        while at != NONE {
            let next = self.nodes[at as usize].next;
            if next != NONE {
                return next;
            }
            at = self.nodes[at as usize].parent;
        }
        u32::try_from(self.nodes.len()).unwrap_or(NONE)
    }

    /// The value of an attribute as it was sent.
    #[must_use]
    pub fn attribute(&self, position: Position, name: &str) -> Option<&str> {
        self.attributes(position).find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// All attributes of an element.
    pub fn attributes(&self, position: Position) -> impl Iterator<Item = (&'a str, &str)> + '_ {
        let (from, to) = self.nodes[position as usize].attributes;
        self.attributes[from as usize..to as usize].iter().map(|(key, value)| (*key, &**value))
    }

    /// The text directly in an element, without blanks around it.
    #[must_use]
    pub fn text(&self, position: Position) -> &str {
        self.nodes[position as usize].text.trim()
    }

    /// The text directly in an element as it was sent.
    #[must_use]
    pub fn raw_text(&self, position: Position) -> &str {
        &self.nodes[position as usize].text
    }

    /// All text in an element and below, words of different elements apart.
    #[must_use]
    pub fn whole_text(&self, position: Position) -> String {
        let mut text = self.text(position).to_owned();
        for below in self.descendants(position) {
            let part = self.text(below);
            if !part.is_empty() {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(part);
            }
        }
        text
    }

    /// Line and column (in characters) of an element, from 1.
    #[must_use]
    pub fn place_of(&self, position: Position) -> (u32, u32) {
        self.place(self.nodes[position as usize].offset)
    }

    /// Line and column (in characters) of a byte offset, from 1.
    #[must_use]
    pub fn place(&self, offset: usize) -> (u32, u32) {
        let line = self.lines.partition_point(|start| *start <= offset).max(1);
        let before =
            self.source.as_bytes().get(self.lines[line - 1]..offset.min(self.source.len())).unwrap_or_default();
        // Bytes that do not continue a character are its beginnings.
        let column = before.iter().filter(|byte| **byte & 0xC0 != 0x80).count() + 1;
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }

    /// The path of an element: `/ClinicalDocument/component/structuredBody/component[3]/section`. An index stands only where
    /// several siblings have the name.
    #[must_use]
    pub fn path(&self, position: Position) -> String {
        let mut steps = Vec::with_capacity(12);
        let mut at = position;
        while at != NONE {
            steps.push(at);
            at = self.nodes[at as usize].parent;
        }
        let mut path = String::with_capacity(steps.len() * 16);
        for step in steps.into_iter().rev() {
            let node = &self.nodes[step as usize];
            path.push('/');
            path.push_str(node.name);
            if node.ordinal > 1 || self.has_namesake_after(step) {
                // Writing into a text cannot fail.
                let _ = write!(path, "[{}]", node.ordinal);
            }
        }
        path
    }

    fn has_namesake_after(&self, position: Position) -> bool {
        let name = self.name(position);
        let mut next = self.nodes[position as usize].next;
        while next != NONE {
            if self.name(next) == name {
                return true;
            }
            next = self.nodes[next as usize].next;
        }
        false
    }
}

/// Which of its namesakes an element is. Of elements with more names than any document has below one parent only the first are
/// counted.
fn ordinal<'a>(counts: &mut Vec<(&'a str, u32)>, name: &'a str) -> u32 {
    const NAMES_MAX: usize = 48;
    if let Some((_, count)) = counts.iter_mut().find(|(known, _)| *known == name) {
        *count += 1;
        return *count;
    }
    if counts.len() < NAMES_MAX {
        counts.push((name, 1));
    }
    1
}

/// Right names of the names seen: the vocabulary, or the nearest name in it.
#[derive(Default)]
struct Names<'a> {
    seen: HashMap<&'a str, &'a str>,
    /// How many names were compared with the whole vocabulary.
    compared: usize,
}

/// More names than this are not compared with the vocabulary: a text of nothing but unknown names is no misspelt document.
const NAMES_COMPARED_MAX: usize = 64;

impl<'a> Names<'a> {
    fn right(&mut self, local: &'a str) -> &'a str {
        if let Some(name) = self.seen.get(local) {
            return name;
        }
        let skeleton = skeleton();
        let name = if skeleton.knows(local) || self.compared >= NAMES_COMPARED_MAX {
            local
        } else {
            self.compared += 1;
            skeleton.misspelt.get(local).map(String::as_str).or_else(|| nearest(local)).unwrap_or(local)
        };
        self.seen.insert(local, name);
        name
    }
}

/// The only name of the vocabulary that is one or two letters away; short names must be closer.
fn nearest(local: &str) -> Option<&'static str> {
    let length = local.len();
    if !(5..=40).contains(&length) || !local.is_ascii() {
        return None;
    }
    let allowed = if length < 8 { 1 } else { 2 };
    let mut best: Option<(&'static str, usize)> = None;
    let mut tied = false;
    for name in skeleton().names() {
        if name.len().abs_diff(length) > allowed {
            continue;
        }
        let distance = distance(local.as_bytes(), name.as_bytes());
        if distance > allowed {
            continue;
        }
        match best {
            Some((_, known)) if known < distance => {}
            Some((_, known)) if known == distance => tied = true,
            _ => {
                best = Some((name, distance));
                tied = false;
            }
        }
    }
    best.filter(|_| !tied).map(|(name, _)| name)
}

/// How many letters must be put in, left out, changed or swapped with their neighbour.
fn distance(one: &[u8], other: &[u8]) -> usize {
    let width = other.len() + 1;
    let mut table = vec![0; (one.len() + 1) * width];
    for (row, cell) in table.iter_mut().enumerate().take(width) {
        *cell = row;
    }
    for row in 1..=one.len() {
        table[row * width] = row;
        for column in 1..=other.len() {
            let change = usize::from(!one[row - 1].eq_ignore_ascii_case(&other[column - 1]));
            let mut best = (table[(row - 1) * width + column] + 1)
                .min(table[row * width + column - 1] + 1)
                .min(table[(row - 1) * width + column - 1] + change);
            if row > 1 && column > 1 && one[row - 1] == other[column - 2] && one[row - 2] == other[column - 1] {
                best = best.min(table[(row - 2) * width + column - 2] + 1);
            }
            table[row * width + column] = best;
        }
    }
    table[one.len() * width + other.len()]
}

/// Text without references; unknown ones stay as they are.
pub(super) fn unescape(raw: &str) -> Cow<'_, str> {
    if !raw.contains('&') {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let resolved = rest.find(';').and_then(|end| Some((resolve(rest.get(1..end)?)?, end + 1)));
        let (part, length) = resolved.unwrap_or_else(|| ("&".to_owned(), 1));
        text.push_str(&part);
        rest = &rest[length..];
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The character that a reference names: one of the five of XML or a number.
fn resolve(name: &str) -> Option<String> {
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
                .filter(|character| !character.is_control() || matches!(character, '\t' | '\n' | '\r'))?
        }
    };
    Some(character.to_string())
}
