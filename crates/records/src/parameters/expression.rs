//! The part of FHIRPath that search parameters of R4 use, read into steps.
//!
//! Grammar: `a.b.c`, `(a.b as T).c`, `.as(T)`, `.ofType(T)`, `.where(resolve() is T)`, `.where(name='value')`, and the
//! one truth value `a.exists() and a != false`. Anything else is refused, so that a new definition is noticed at start
//! and not by wrong answers.

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// Into a child element.
    Field(String),
    /// Keep values of this type only.
    As(String),
    /// Keep references to this type only.
    ResolvesTo(String),
    /// Keep elements whose child has this value.
    WhereEquals(String, String),
}

/// A path as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expression {
    /// The steps; the first names the resource type when the path is not relative.
    pub nodes: Vec<Node>,
    /// Whether the path asks `exists() and != false` about what it leads to.
    pub truth: bool,
}

/// Reads an expression; the error names what is not understood.
pub(super) fn read(text: &str) -> Result<Expression, String> {
    let text = text.trim();
    if let Some((left, right)) = text.split_once(" and ") {
        let path = left.trim().strip_suffix(".exists()").ok_or_else(|| format!("`{left}` is not `….exists()`"))?;
        if right.split_whitespace().ne([path, "!=", "false"]) {
            return Err(format!("`{right}` is not `{path} != false`"));
        }
        return Ok(Expression { nodes: nodes(path)?, truth: true });
    }
    Ok(Expression { nodes: nodes(text)?, truth: false })
}

fn nodes(text: &str) -> Result<Vec<Node>, String> {
    let mut nodes = Vec::new();
    let mut rest = text;
    if let Some(inner) = text.strip_prefix('(') {
        let (cast, after) = inner.split_once(')').ok_or("a parenthesis is not closed")?;
        let (path, type_name) = cast.split_once(" as ").ok_or_else(|| format!("`({cast})` is not `(path as Type)`"))?;
        chain(path.trim(), &mut nodes)?;
        nodes.push(Node::As(type_text(type_name)?));
        rest = match after.strip_prefix('.') {
            Some(more) => more,
            None if after.is_empty() => return Ok(nodes),
            None => return Err(format!("`{after}` after a parenthesis")),
        };
    }
    chain(rest, &mut nodes)?;
    Ok(nodes)
}

/// Steps separated by dots; dots inside parentheses belong to their step.
fn chain(text: &str, nodes: &mut Vec<Node>) -> Result<(), String> {
    let mut depth = 0_usize;
    let mut start = 0;
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1).ok_or("a parenthesis too many")?,
            '.' if depth == 0 => {
                nodes.push(step(&text[start..at])?);
                start = at + 1;
            }
            _ => {}
        }
    }
    nodes.push(step(&text[start..])?);
    Ok(())
}

fn step(text: &str) -> Result<Node, String> {
    let text = text.trim();
    let Some((name, arguments)) = text.split_once('(') else {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        return if plain { Ok(Node::Field(text.to_owned())) } else { Err(format!("`{text}` is not a name")) };
    };
    let argument = arguments.strip_suffix(')').ok_or_else(|| format!("`{text}` is not closed"))?.trim();
    match name {
        "as" | "ofType" => Ok(Node::As(type_text(argument)?)),
        "where" => condition(argument),
        _ => Err(format!("`{name}()` is not a function that search parameters use")),
    }
}

fn condition(text: &str) -> Result<Node, String> {
    if let Some(type_name) = text.strip_prefix("resolve() is ") {
        return Ok(Node::ResolvesTo(type_text(type_name)?));
    }
    let unknown = || format!("`where({text})` is neither `resolve() is Type` nor `name='value'`");
    let (field, value) = text.split_once('=').ok_or_else(unknown)?;
    let value = value.trim().strip_prefix('\'').and_then(|it| it.strip_suffix('\'')).ok_or_else(unknown)?;
    // `a='x' or b='y'` begins and ends like one text.
    if value.contains('\'') {
        return Err(unknown());
    }
    match step(field)? {
        Node::Field(field) => Ok(Node::WhereEquals(field, value.to_owned())),
        _ => Err(unknown()),
    }
}

fn type_text(text: &str) -> Result<String, String> {
    match step(text)? {
        Node::Field(name) => Ok(name),
        _ => Err(format!("`{text}` is not a type")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str) -> Node {
        Node::Field(name.to_owned())
    }

    #[test]
    fn every_form_is_read() {
        let rows = [
            ("Patient.name", vec![field("Patient"), field("name")]),
            ("(A.value as Quantity)", vec![field("A"), field("value"), Node::As("Quantity".into())]),
            ("(A.v as Coding).display", vec![field("A"), field("v"), Node::As("Coding".into()), field("display")]),
            ("value.as(DateTime)", vec![field("value"), Node::As("DateTime".into())]),
            ("v.ofType(Period)", vec![field("v"), Node::As("Period".into())]),
            ("A.s.where(resolve() is Patient)", vec![field("A"), field("s"), Node::ResolvesTo("Patient".into())]),
            (
                "A.telecom.where(system='a.b')",
                vec![field("A"), field("telecom"), Node::WhereEquals("system".into(), "a.b".into())],
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(read(text), Ok(Expression { nodes: expected, truth: false }), "{text}");
        }
        let truth = read("Patient.deceased.exists() and Patient.deceased != false").unwrap();
        assert_eq!(truth, Expression { nodes: vec![field("Patient"), field("deceased")], truth: true });
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "A.",
            "A.b.first()",
            "A.b[0]",
            "A.b | A.c",
            "(A.b",
            "(A.b)",
            "(A.b as C)d",
            "A.where(b)",
            "A.where(b=1)",
            "A.where(b.c='d')",
            "A.where(b='c' or d='e')",
            "A.b)",
            "A.b.exists() and A.c != false",
            "A.b and A.c",
            "A.as(B.c)",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
