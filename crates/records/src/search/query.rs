//! The query string, read into [`Clause`]s and [`Options`]. Unknown = an error that names the alternatives, never ignored
//! (unless the client says `Prefer: handling=lenient`; then it is ignored and said so in the answer).

use model::{ErrorCode, Failure, TypeCode};
use standards::SearchKind;

use crate::matching::{Modifier, QueryValue, split_values};
use crate::parameters::{Parameter, Parameters};

/// Hits on a page when the client does not say.
pub(crate) const COUNT_DEFAULT: usize = 50;
/// Most hits on a page: at the average size of a resource this is a few megabytes.
pub(crate) const COUNT_MAX: usize = 1_000;
/// Most values in one OR list: more is a join, which `_has` and chains do better.
const OR_VALUES_MAX: usize = 2_000;
/// Most parameters in one query.
const CLAUSES_MAX: usize = 64;

/// One condition; all clauses of a query must hold.
pub(crate) enum Clause<'p> {
    /// The parameter has one of these values.
    Match { parameter: &'p Parameter, modifier: Option<Modifier>, values: Vec<QueryValue> },
    /// `_id`.
    Identity(Vec<String>),
    /// `subject:Patient.name=…`: the parameter refers to a hit of another search.
    Chain { parameter: &'p Parameter, targets: Vec<TypeCode>, key: String, value: String },
    /// `_has:Observation:patient:code=…`: a hit of another search refers to us.
    Has { source: TypeCode, reference: &'p Parameter, key: String, value: String },
    /// `patient:mdm=…`: any registration of the same person.
    PersonWide { parameter: &'p Parameter, ids: Vec<String> },
}

/// `_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Total {
    /// Count when it costs no more than the page.
    #[default]
    WhenCheap,
    None,
    Accurate,
}

/// `_summary`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Summary {
    #[default]
    False,
    True,
    Text,
    Data,
    Count,
}

/// One `_sort` key.
pub(crate) struct Sort<'p> {
    pub(crate) parameter: &'p Parameter,
    pub(crate) descending: bool,
}

/// One `_include` or `_revinclude`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Include {
    pub(crate) reverse: bool,
    pub(crate) iterate: bool,
    pub(crate) source: TypeCode,
    /// `None`: `*`, every reference parameter.
    pub(crate) code: Option<String>,
    pub(crate) target: Option<TypeCode>,
}

/// Everything that shapes the answer rather than the hits.
#[derive(Default)]
pub(crate) struct Options<'p> {
    pub(crate) count: Option<usize>,
    pub(crate) sort: Vec<Sort<'p>>,
    pub(crate) includes: Vec<Include>,
    pub(crate) summary: Summary,
    pub(crate) elements: Vec<String>,
    pub(crate) total: Total,
    pub(crate) page: Option<String>,
}

/// What reading a query needs besides the text.
pub(crate) struct Context<'c> {
    /// Unknown parameters are errors.
    pub(crate) strict: bool,
    /// References under this address are local ones.
    pub(crate) base_url: &'c str,
    /// What `ap` measures the distance of a date from.
    pub(crate) now_ms: i64,
}

/// A query that was understood.
pub(crate) struct Query<'p> {
    pub(crate) type_code: TypeCode,
    pub(crate) clauses: Vec<Clause<'p>>,
    pub(crate) options: Options<'p>,
    /// What a lenient reading passed over, each a sentence.
    pub(crate) ignored: Vec<String>,
}

/// The pairs of a query string, decoded.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().filter(|(key, _)| !key.is_empty()).collect()
}

/// Reads the pairs of a search on one type.
///
/// # Errors
/// `bad-search` or `not-supported`, with the alternatives in the detail.
pub(crate) fn read<'p>(
    parameters: &'p Parameters,
    type_code: TypeCode,
    pairs: &[(String, String)],
    context: &Context<'_>,
) -> Result<Query<'p>, Failure> {
    if pairs.len() > CLAUSES_MAX {
        return Err(bad(format!("more than {CLAUSES_MAX} parameters")));
    }
    let mut query = Query { type_code, clauses: Vec::new(), options: Options::default(), ignored: Vec::new() };
    for (key, value) in pairs {
        if read_option(parameters, &mut query, key, value, context.strict)? {
            continue;
        }
        match clause(parameters, type_code, key, value, context) {
            Ok(clause) => query.clauses.push(clause),
            Err(failure) if !context.strict && failure.code == ErrorCode::BadSearch => {
                query.ignored.push(failure.detail);
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(query)
}

fn read_option<'p>(
    parameters: &'p Parameters,
    query: &mut Query<'p>,
    key: &str,
    value: &str,
    strict: bool,
) -> Result<bool, Failure> {
    let (name, modifier) = key.split_once(':').map_or((key, None), |(name, modifier)| (name, Some(modifier)));
    let options = &mut query.options;
    match name {
        "_count" => {
            let count: usize = value.parse().map_err(|_| bad("`_count` is a whole number"))?;
            options.count = Some(count.min(COUNT_MAX));
        }
        "_sort" => {
            for part in value.split(',').filter(|part| !part.is_empty()) {
                let (code, descending) = part.strip_prefix('-').map_or((part, false), |code| (code, true));
                match parameters.get(query.type_code, code) {
                    Some(parameter) => options.sort.push(Sort { parameter, descending }),
                    None if strict || parameters.is_unready(query.type_code, code) => {
                        return Err(unknown(parameters, query.type_code, code));
                    }
                    None => query.ignored.push(format!("`_sort` by the unknown parameter `{code}`")),
                }
            }
        }
        "_include" | "_revinclude" => {
            options.includes.push(include(parameters, name == "_revinclude", modifier, value)?);
        }
        "_summary" => {
            options.summary = match value {
                "false" => Summary::False,
                "true" => Summary::True,
                "text" => Summary::Text,
                "data" => Summary::Data,
                "count" => Summary::Count,
                _ => return Err(bad("`_summary` is true, text, data, count or false")),
            }
        }
        "_elements" => options.elements = value.split(',').map(|part| part.trim().to_owned()).collect(),
        "_total" => {
            options.total = match value {
                "none" => Total::None,
                "accurate" | "estimate" => Total::Accurate,
                _ => return Err(bad("`_total` is none, estimate or accurate")),
            }
        }
        "_page" => options.page = Some(value.to_owned()),
        // `server` has answered these already.
        "_format" | "_pretty" => {}
        "_text" | "_content" | "_query" | "_filter" | "_list" | "near" | "_contained" | "_containedType" | "_type" => {
            return Err(Failure::new(ErrorCode::NotSupported, format!("`{name}` is not supported in this search")));
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn include(parameters: &Parameters, reverse: bool, modifier: Option<&str>, value: &str) -> Result<Include, Failure> {
    let iterate = match modifier {
        None => false,
        Some("iterate" | "recurse") => true,
        Some(other) => return Err(bad(format!("unknown modifier `:{other}` of an include; known: `:iterate`"))),
    };
    let mut parts = value.split(':');
    let source = parts.next().unwrap_or_default();
    let source = TypeCode::of(source).map_err(|error| bad(error.to_string()))?;
    let code = parts.next().ok_or_else(|| bad("an include is `Type:parameter` or `Type:parameter:Target`"))?;
    let target = parts.next().map(TypeCode::of).transpose().map_err(|error| bad(error.to_string()))?;
    let code = (code != "*").then(|| code.to_owned());
    if let Some(code) = &code {
        match parameters.get(source, code) {
            Some(parameter) if parameter.kind == SearchKind::Reference => {}
            Some(_) => return Err(bad(format!("`{source}:{code}` is not a reference parameter"))),
            None => return Err(unknown(parameters, source, code)),
        }
    }
    Ok(Include { reverse, iterate, source, code, target })
}

fn clause<'p>(
    parameters: &'p Parameters,
    type_code: TypeCode,
    key: &str,
    value: &str,
    context: &Context<'_>,
) -> Result<Clause<'p>, Failure> {
    if let Some(rest) = key.strip_prefix("_has:") {
        return has(parameters, type_code, rest, value);
    }
    let (head, chained) = key.split_once('.').map_or((key, None), |(head, rest)| (head, Some(rest)));
    let (code, modifier) = head.split_once(':').map_or((head, None), |(code, modifier)| (code, Some(modifier)));
    if value.is_empty() {
        return Err(bad(format!("`{key}` has no value")));
    }
    if code == "_id" && chained.is_none() {
        return match modifier {
            None => Ok(Clause::Identity(split_or(value)?)),
            Some(other) => Err(bad(format!("`_id` has no modifier `:{other}`"))),
        };
    }
    let parameter = parameters.get(type_code, code).ok_or_else(|| unknown(parameters, type_code, code))?;
    if let Some(rest) = chained {
        return chain(parameter, modifier, rest, value);
    }
    match modifier {
        Some("mdm") if parameter.kind == SearchKind::Reference => {
            Ok(Clause::PersonWide { parameter, ids: split_or(value)? })
        }
        _ => matching(parameter, modifier, value, context),
    }
}

fn matching<'p>(
    parameter: &'p Parameter,
    modifier: Option<&str>,
    value: &str,
    context: &Context<'_>,
) -> Result<Clause<'p>, Failure> {
    let read = |text| {
        Modifier::parse(parameter, text).map_err(|reason| {
            // A reading that passes it over would find what was not asked for: `:in` a value set is not "any code".
            let code = if Modifier::is_of_standard(text) { ErrorCode::NotSupported } else { ErrorCode::BadSearch };
            Failure::new(code, format!("`{}` {reason}", parameter.code))
        })
    };
    let modifier = modifier.map(read).transpose()?;
    // A `+` of an offset arrives as a space when the client did not encode it.
    let value = if parameter.kind == SearchKind::Date { value.replace(' ', "+") } else { value.to_owned() };
    let values = split_or(&value)?
        .iter()
        .map(|part| QueryValue::parse(parameter, modifier.as_ref(), part, context.now_ms))
        .map(|value| value.map(|value| value.under_base(context.base_url)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(bad)?;
    Ok(Clause::Match { parameter, modifier, values })
}

fn chain<'p>(parameter: &'p Parameter, modifier: Option<&str>, rest: &str, value: &str) -> Result<Clause<'p>, Failure> {
    if parameter.kind != SearchKind::Reference {
        return Err(bad(format!("`{}` is not a reference: it cannot be chained", parameter.code)));
    }
    let targets = match modifier {
        Some(name) => {
            let target = TypeCode::of(name).map_err(|error| bad(error.to_string()))?;
            let targets = target_types(parameter);
            if !targets.contains(&target) {
                let known: Vec<_> = targets.iter().map(|target| target.name()).collect();
                return Err(bad(format!(
                    "`{}` does not point to {name}; it points to: {}",
                    parameter.code,
                    known.join(", ")
                )));
            }
            vec![target]
        }
        None => target_types(parameter),
    };
    Ok(Clause::Chain { parameter, targets, key: rest.to_owned(), value: value.to_owned() })
}

/// Whether a reference parameter may point to every type.
pub(crate) fn is_any(parameter: &Parameter) -> bool {
    parameter.targets.iter().any(|target| target == "Resource")
}

/// The types stored here that a reference parameter may point to.
pub(crate) fn target_types(parameter: &Parameter) -> Vec<TypeCode> {
    if is_any(parameter) {
        return TypeCode::all().collect();
    }
    parameter.targets.iter().filter_map(|target| TypeCode::of(target).ok()).collect()
}

fn has<'p>(parameters: &'p Parameters, type_code: TypeCode, rest: &str, value: &str) -> Result<Clause<'p>, Failure> {
    let mut parts = rest.splitn(3, ':');
    let (Some(source), Some(code), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(bad("`_has` is `_has:Type:reference-parameter:parameter=value`"));
    };
    let source = TypeCode::of(source).map_err(|error| bad(error.to_string()))?;
    let reference = parameters.get(source, code).ok_or_else(|| unknown(parameters, source, code))?;
    if reference.kind != SearchKind::Reference || !target_types(reference).contains(&type_code) {
        return Err(bad(format!("`{source}.{code}` does not refer to {type_code}")));
    }
    Ok(Clause::Has { source, reference, key: key.to_owned(), value: value.to_owned() })
}

/// Splits an OR list at commas that are not escaped; the escapes stay for the value's own reader.
fn split_or(value: &str) -> Result<Vec<String>, Failure> {
    let parts: Vec<String> = split_values(value).into_iter().filter(|it| !it.is_empty()).map(str::to_owned).collect();
    if parts.len() > OR_VALUES_MAX {
        return Err(Failure::new(ErrorCode::TooCostly, format!("more than {OR_VALUES_MAX} values in one list")));
    }
    if parts.is_empty() { Err(bad("a list without values")) } else { Ok(parts) }
}

/// A parameter that cannot be asked: it is not there, or the index does not have it yet.
fn unknown(parameters: &Parameters, type_code: TypeCode, code: &str) -> Failure {
    if parameters.is_unready(type_code, code) {
        let detail = format!(
            "the index is still being built with the search parameter `{code}` of {type_code}; ask again later"
        );
        return Failure::new(ErrorCode::NotReady, detail);
    }
    let known: Vec<&str> = parameters.of_type(type_code).map(|it| it.code.as_str()).collect();
    bad(format!("`{type_code}` has no search parameter `{code}`; it has: {}", known.join(", ")))
}

fn bad(detail: impl Into<String>) -> Failure {
    Failure::new(ErrorCode::BadSearch, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_split_unless_escaped() {
        let split = |value| split_or(value).unwrap();
        assert_eq!(split("a,b"), ["a", "b"]);
        assert_eq!(split(r"a\,b,c"), [r"a\,b", "c"]);
        assert_eq!(split(r"a\\,b"), [r"a\\", "b"]);
        assert!(split_or(",").is_err());
    }
}
