//! Fields of a fact rule: finding what was sent, converting it, putting it at its FHIR path.
//!
//! Converters (`as` in `standards/cda/*.toml`): `text`, `concept`, `concept-text`, `quantity`, `duration`, `time`, `instant`,
//! `when`, `money`, `note`, `display`, `person`, `identifier`, `drug`, `procedure`, `item`, `item-name`, `result`, `value`, `range`,
//! `flag`, `map`, `word`, `element`, `affirmed`, `frequency`, `sent`, `sent-frequency`, `taken`.

use model::Element;
use serde_json::{Map, Value, json};
use standards::cda;
use standards::cda_mapping::Field;

use super::acts::{Act, Body};
use super::header::Header;
use super::tree::{Position, Tree};
use super::values::{self, string};
use crate::national;
use crate::text::{self, Context};

/// A resource while it is made.
pub struct Making<'m, 'r, 't> {
    /// The document.
    pub tree: &'r Tree<'t>,
    /// Its body.
    pub body: &'r Body,
    /// Its header.
    pub header: &'m mut Header,
    /// Which fact took which act.
    pub taken: &'m mut Vec<Option<usize>>,
    /// Elements found in attributes and names.
    pub elements: Vec<Element>,
    /// What is there so far.
    pub resource: Map<String, Value>,
    /// Paths that fields have set.
    pub set: Vec<&'static str>,
    /// The number of the fact.
    pub number: usize,
    /// The act where it begins.
    pub root: Option<usize>,
    /// The acts of its scope.
    pub members: &'m [usize],
    /// People that were put somewhere.
    pub used: Vec<Position>,
}

/// Where a value was found.
struct Source<'s> {
    act: Option<&'s Act>,
    position: Option<usize>,
    node: Option<Position>,
    text: Option<String>,
}

/// Fills one field, if the document says something for it.
pub fn fill(making: &mut Making<'_, '_, '_>, field: &'static Field) {
    let once = !field.to.contains("[+]");
    if once && making.set.contains(&&*field.to) && !field.keep {
        return;
    }
    for source in sources(making, field) {
        let Some((ending, value)) = convert(making, field, &source) else { continue };
        making.used.extend(source.node);
        let to = format!("{}{ending}", field.to);
        // What only the header says gives way to what an act says.
        let weak = source.act.is_none() && source.node.is_none();
        if once
            && (making.set.contains(&&*field.to)
                || taken_choice(&making.resource, &to)
                || weak && exists(&making.resource, &to))
        {
            return;
        }
        if field.kind != "taken" {
            put(&mut making.resource, &to, value);
            if let Some(beside) = field.beside.as_ref().and_then(Value::as_object) {
                let holder = field.to.rsplit_once('.').map_or("", |(holder, _)| holder);
                for (name, value) in beside {
                    put(&mut making.resource, &format!("{holder}.{name}"), value.clone());
                }
            }
            // What only the header says is no reason to make a resource.
            if source.act.is_some() || source.node.is_some() {
                making.set.push(&field.to);
            }
        }
        if let (Some(position), false) = (source.position, field.keep) {
            making.taken[position] = Some(making.number);
        }
        note_element(making, field, &source);
        if !field.all {
            return;
        }
    }
}

/// The places where a field may find its value, best first.
fn sources<'s>(making: &Making<'_, 's, '_>, field: &Field) -> Vec<Source<'s>> {
    let body: &'s Body = making.body;
    let mut found = Vec::new();
    if !field.from.is_empty() {
        let own = making.members.iter().copied();
        let everywhere = (0..body.acts.len()).filter(|_| field.shared);
        for position in own.chain(everywhere) {
            let act = &body.acts[position];
            let free = making.taken[position].is_none_or(|taken| field.keep && taken == making.number || field.shared);
            let fits = free
                && (field.words.is_empty() || field.words.iter().any(|word| act.name.contains(&**word)))
                && !field.not_words.iter().any(|word| act.name.contains(&**word));
            let rank = if field.from.len() == 1 && field.from[0] == "*" {
                (Some(position) == making.root).then_some(0)
            } else {
                field.from.iter().position(|id| *id == act.id)
            };
            let (true, Some(rank)) = (fits, rank) else { continue };
            if field.at.is_empty() {
                found.push((rank, Source { act: Some(act), position: Some(position), node: None, text: None }));
            } else {
                for node in making.tree.all_below(act.node, &field.at) {
                    found.push((
                        rank,
                        Source { act: Some(act), position: Some(position), node: Some(node), text: None },
                    ));
                }
            }
        }
        found.sort_by_key(|(rank, _)| *rank);
    } else if !field.at.is_empty() {
        let root = making.root.map(|root| &body.acts[root]);
        for node in root.map(|root| making.tree.all_below(root.node, &field.at)).unwrap_or_default() {
            found.push((0, Source { act: None, position: None, node: Some(node), text: None }));
        }
    } else if !field.number.is_empty() {
        let number = number_of(making.header, &field.number).map(str::to_owned);
        found.extend(number.map(|text| (0, Source { act: None, position: None, node: None, text: Some(text) })));
    } else if !field.default.is_empty() {
        found.push((0, Source { act: None, position: None, node: None, text: Some(field.default.clone()) }));
    } else {
        found.push((0, Source { act: None, position: None, node: None, text: None }));
    }
    found.into_iter().map(|(_, source)| source).collect()
}

/// The number of the header that numbers a thing of this kind.
#[must_use]
pub fn number_of<'h>(header: &'h Header, what: &str) -> Option<&'h str> {
    let roots = cda::header().identifier.iter().filter(|known| known.what == what);
    roots.filter_map(|known| header.numbers.get(&known.root)).map(String::as_str).next()
}

type Converted = Option<(&'static str, Value)>;

fn plain(value: Option<Value>) -> Converted {
    value.map(|value| ("", value))
}

fn convert(making: &mut Making<'_, '_, '_>, field: &Field, source: &Source<'_>) -> Converted {
    if !field.header.is_empty() {
        return from_header(making.header, field);
    }
    if let Some(text) = &source.text {
        return match &*field.kind {
            "identifier" => plain(identifier(making.header, &field.with, text)),
            _ => plain(string(text).map(Value::from)),
        };
    }
    match (source.act, source.node) {
        (act, Some(node)) => from_node(making, field, act, node),
        (Some(act), None) => from_act(making, field, act),
        (None, None) => None,
    }
}

fn from_header(header: &Header, field: &Field) -> Converted {
    match &*field.header {
        "author-person" => plain(header.authors.first().cloned()),
        _ => {
            let time = header.author_time.as_ref()?;
            plain(if field.kind == "instant" { instant(&time.text) } else { Some(Value::from(time.text.as_str())) })
        }
    }
}

/// `instant` needs a full time; a day alone is none.
fn instant(text: &str) -> Option<Value> {
    (text.len() >= 20).then(|| Value::from(text))
}

fn identifier(header: &Header, what: &str, number: &str) -> Option<Value> {
    let number = string(number)?;
    Some(national::identifier(&national::institution_system(&header.institution, what), &number))
}

/// The value of the first element of the scope with one of these ids.
fn beside<'s>(making: &Making<'_, 's, '_>, id: &str) -> Option<&'s Act> {
    let body: &'s Body = making.body;
    making.members.iter().map(|member| &body.acts[*member]).find(|act| act.id == id && !act.value.is_empty())
}

fn from_act(making: &mut Making<'_, '_, '_>, field: &Field, act: &Act) -> Converted {
    let value = &act.value;
    let words = string(value.words());
    match &*field.kind {
        "element" => return plain(values::element_concept(&act.id, &act.name)),
        "word" => {
            let map = cda::mapping().map.get(&field.with)?;
            let mut fitting: Vec<(usize, &String)> =
                map.iter().filter_map(|(word, meaning)| act.name.find(&**word).map(|at| (at, meaning))).collect();
            fitting.sort();
            return plain(fitting.first().map(|(_, meaning)| Value::from(meaning.as_str())));
        }
        // The unit is in the result already; another one than the result's stays an element of its own.
        "taken" => {
            let unit =
                making.resource.get("valueQuantity").and_then(|quantity| quantity.get("unit")).and_then(Value::as_str);
            let same = unit.is_some_and(|unit| unit == value.words());
            return same.then_some(("", Value::Null));
        }
        _ => {}
    }
    if value.is_empty() {
        return None;
    }
    match &*field.kind {
        "concept" => plain(values::concept(&act.id, value)),
        "concept-text" => {
            if value.kind == "CD" {
                plain(values::concept(&act.id, value))
            } else {
                plain(words.map(|text| json!({ "text": text })))
            }
        }
        "affirmed" => {
            let is_named = matches!(crate::history::allergy(&words?), crate::history::History::Substances(_));
            plain(is_named.then(|| values::concept(&act.id, value)).flatten())
        }
        "quantity" => plain(values::quantity(
            &value.text,
            if value.unit.trim().is_empty() { &field.with } else { value.unit.trim() },
        )),
        "duration" => plain(duration(values::quantity(&value.text, value.unit.trim())?)),
        "time" => plain(values::moment(&value.text).map(|moment| Value::from(moment.text))),
        "money" => plain(money(&value.text, &value.unit)),
        "note" => plain(words.map(|text| json!({ "text": text }))),
        "display" => plain(words.map(|text| json!({ "display": text }))),
        "identifier" => plain(identifier(making.header, &field.with, value.words())),
        "map" => {
            let map = cda::mapping().map.get(&field.with)?;
            plain(
                [value.text.trim(), value.display.trim()]
                    .into_iter()
                    .find_map(|one| map.get(one))
                    .map(|code| Value::from(code.as_str())),
            )
        }
        "flag" => plain(flag(&field.with, value.text.trim(), value.display.trim(), &value.system, &act.id)),
        "item" => plain(item(making, act)),
        "item-name" => plain(words.map(|text| json!({ "text": text }))),
        "value" => values::observed(&act.id, value, "").map(|(name, value)| (name.trim_start_matches("value"), value)),
        "result" => {
            let unit = beside(making, &field.with).map(|unit| unit.value.words().trim().to_owned()).unwrap_or_default();
            values::result(&act.id, value, &unit).map(|(name, value)| (name.trim_start_matches("value"), value))
        }
        "sent" => plain(keep(&act.id, &act.value.kind, values::concept(&act.id, value), words)),
        _ => plain(words.map(Value::from)),
    }
}

/// An extension for a value that FHIR has no place for here.
fn keep(id: &str, kind: &str, concept: Option<Value>, words: Option<String>) -> Option<Value> {
    if kind == "CD" {
        return concept.map(|concept| values::sent(id, "valueCodeableConcept", concept));
    }
    words.map(|text| values::sent(id, "valueString", Value::from(text)))
}

/// The item that was measured: the institution's own code and the name of the item.
fn item(making: &Making<'_, '_, '_>, act: &Act) -> Option<Value> {
    let value = &act.value;
    // Senders that write no coded value put the name of the item where the name of the element belongs.
    let own_name = string(&act.display)
        .filter(|display| cda::element_name(&act.id).is_none_or(|known| known != display) && *display != act.name);
    let own_name = own_name.filter(|name| !name.contains("项目代码") && !name.contains("项目名称"));
    let named = beside(making, "DE04.30.020.00")
        .filter(|other| other.id != act.id)
        .and_then(|other| string(other.value.words()));
    let name = string(&value.display).or(named).or(own_name);
    let local = values::code(&value.text)?;
    let system = right_system(making.header, &value.system);
    let display = name.unwrap_or_else(|| local.clone());
    values::concept_of(Some(&system), &local, &display)
}

fn right_system(header: &Header, sent: &str) -> String {
    let national = sent.is_empty() || sent.starts_with("2.16.156.10011.2.") || !sent.contains('.');
    let known = if national { None } else { values::system(sent) };
    known.unwrap_or_else(|| national::institution_system(&header.institution, "item"))
}

fn flag(map: &str, code: &str, display: &str, system: &str, id: &str) -> Option<Value> {
    let known = cda::mapping().map.get(map)?;
    let meaning = [code, display].into_iter().find_map(|one| known.get(one));
    let own = values::concept_of(values::system_of(id, system).as_deref(), code, display);
    let Some(meaning) = meaning else { return own };
    let standard =
        json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "code": meaning });
    let mut concept = json!({ "coding": [standard] });
    if let Some(sent) = own.as_ref().and_then(|own| own["coding"].get(0)).filter(|_| !id.is_empty())
        && let Some(list) = concept["coding"].as_array_mut()
    {
        list.push(sent.clone());
    }
    if let Some(text) = string(if display.is_empty() { code } else { display }) {
        concept["text"] = Value::from(text);
    }
    Some(concept)
}

/// FHIR wants days, hours … in UCUM; the text of the unit stays.
fn duration(mut quantity: Value) -> Option<Value> {
    let unit = quantity.get("unit").and_then(Value::as_str).unwrap_or("天").to_owned();
    let code = match &*unit {
        "天" | "d" | "日" => "d",
        "小时" | "h" | "时" => "h",
        "周" => "wk",
        "月" => "mo",
        "分钟" | "min" => "min",
        _ => return Some(quantity),
    };
    quantity["unit"] = Value::from(unit);
    quantity["system"] = Value::from(national::UCUM);
    quantity["code"] = Value::from(code);
    Some(quantity)
}

fn money(sent: &str, currency: &str) -> Option<Value> {
    let amount = text::number::parse(sent).filter(|amount| amount.comparator.is_none())?;
    let currency = match currency.trim() {
        "" | "元" | "CNY" | "RMB" | "人民币" => "CNY",
        other if other.len() == 3 && other.bytes().all(|byte| byte.is_ascii_uppercase()) => other,
        _ => "CNY",
    };
    Some(json!({ "value": amount.number()?, "currency": currency }))
}

fn from_node(making: &mut Making<'_, '_, '_>, field: &Field, act: Option<&Act>, node: Position) -> Converted {
    let tree = making.tree;
    let take = |name: &str| tree.attribute(node, name).unwrap_or_default();
    match &*field.kind {
        "concept" => plain(values::concept_at(tree, node, &field.element)),
        "procedure" => {
            let system = values::system(take("codeSystem")).filter(|_| !take("codeSystem").is_empty());
            let system = system.unwrap_or_else(|| national::ICD9CM3.to_owned());
            plain(values::concept_of(Some(&system), take("code"), take("displayName")))
        }
        "item" => {
            let (code, display) = (take("code"), take("displayName"));
            let shown = string(display).or_else(|| string(code))?;
            let system = right_system(making.header, take("codeSystem"));
            plain(values::concept_of(Some(&system), code, &shown))
        }
        "drug" => plain(drug(making, field, node)),
        "quantity" => plain(values::quantity(take("value"), take("unit"))),
        "frequency" => plain(frequency(tree, node).map(Value::from)),
        "sent-frequency" => {
            plain(frequency(tree, node).map(|text| values::sent(&field.element, "valueString", Value::from(text))))
        }
        "sent" => {
            let concept = values::concept_at(tree, node, &field.element);
            plain(concept.map(|concept| values::sent(&field.element, "valueCodeableConcept", concept)))
        }
        "time" => {
            let moment = values::moment(take("value")).map(|moment| Value::from(moment.text));
            plain(moment.or_else(|| match values::when(tree, node)? {
                ("Period", period) => period.get("start").cloned(),
                (_, value) => Some(value),
            }))
        }
        "instant" => plain(values::moment(take("value")).and_then(|moment| instant(&moment.text))),
        "when" => values::when(tree, node),
        "range" => {
            let unit = act.map(|act| act.value.unit.trim().to_owned()).filter(|unit| !unit.is_empty());
            let unit = unit
                .or_else(|| beside(making, &field.with).map(|unit| unit.value.words().trim().to_owned()))
                .unwrap_or_default();
            plain(values::range(tree, node, &unit))
        }
        "flag" => {
            let flag = flag(&field.with, take("code").trim(), take("displayName").trim(), take("codeSystem"), "");
            // The coded result may have said it already.
            let said = |code: &Value| {
                making
                    .resource
                    .get("interpretation")
                    .is_some_and(|list| list.to_string().contains(&format!("\"code\":{code}")))
            };
            plain(flag.filter(|flag| !flag["coding"].get(0).and_then(|coding| coding.get("code")).is_some_and(said)))
        }
        "person" => {
            making.used.push(node);
            plain(making.header.person(tree, node))
        }
        _ => plain(string(&tree.whole_text(node)).map(Value::from)),
    }
}

fn drug(making: &Making<'_, '_, '_>, field: &Field, node: Position) -> Option<Value> {
    let tree = making.tree;
    let name = tree.child(node, "name").and_then(|name| string(tree.text(name)));
    let coded = tree.child(node, "code");
    let take = |name: &str| coded.and_then(|code| tree.attribute(code, name)).unwrap_or_default();
    let shown = name.or_else(|| string(take("displayName")));
    let code = text::present(take("code"), Context::Identifier).unwrap_or_default();
    let system = values::system(take("codeSystem"))
        .unwrap_or_else(|| national::institution_system(&making.header.institution, &field.with));
    values::concept_of(Some(&system), &code, shown.as_deref().unwrap_or_default())
}

/// How often: some write it as the value, some as the unit, some as text.
fn frequency(tree: &Tree<'_>, node: Position) -> Option<String> {
    let take = |name: &str| tree.attribute(node, name).unwrap_or_default().trim().to_owned();
    let joined = format!("{}{}", take("value"), take("unit"));
    string(&joined)
        .or_else(|| string(&take("displayName")))
        .or_else(|| string(&take("code")))
        .or_else(|| string(tree.text(node)))
}

/// A place in the XML that is a data element by itself.
fn note_element(making: &mut Making<'_, '_, '_>, field: &Field, source: &Source<'_>) {
    let (Some(node), false) = (source.node, field.element.is_empty()) else { return };
    let tree = making.tree;
    let take = |name: &str| tree.attribute(node, name).unwrap_or_default().to_owned();
    let value =
        [take("code"), take("value"), tree.text(node).to_owned()].into_iter().find(|text| !text.trim().is_empty());
    let value = value.or_else(|| {
        ["name", "low"].iter().find_map(|name| {
            let child = tree.child(node, name)?;
            Some(tree.attribute(child, "value").map_or_else(|| tree.text(child).to_owned(), str::to_owned))
        })
    });
    let value = value.or_else(|| tree.below(node, "assignedPerson/name").map(|name| tree.text(name).to_owned()));
    let (line, column) = tree.place_of(node);
    let group = making.root.map_or(0, |root| making.body.acts[root].group);
    making.elements.push(Element {
        id: field.element.clone(),
        name: field.element_name.clone(),
        value: value.unwrap_or_default(),
        display: take("displayName"),
        system: super::spelling::right_oid(&take("codeSystem")).into_owned(),
        unit: take("unit"),
        group,
        path: tree.path(node),
        line,
        column,
    });
}

/// Keeps the people of the acts that a fact took, where no field wanted them.
pub fn keep_people(making: &mut Making<'_, '_, '_>) {
    let tree = making.tree;
    let mut kept = Vec::new();
    for position in making.members {
        if making.taken[*position] != Some(making.number) && Some(*position) != making.root {
            continue;
        }
        let act = &making.body.acts[*position];
        for holder in tree
            .children(act.node)
            .filter(|child| matches!(tree.name(*child), "performer" | "author" | "participant" | "informant"))
        {
            let used = tree.children(holder).any(|child| making.used.contains(&child));
            let Some(words) = (!used).then(|| words_with_time(tree, holder)).flatten() else { continue };
            kept.push(values::sent(tree.name(holder), "valueString", Value::from(words)));
        }
        kept.extend(leftovers(tree, act.node, &making.used));
    }
    for extension in kept {
        put(&mut making.resource, "extension[+]", extension);
    }
}

fn words_with_time(tree: &Tree<'_>, node: Position) -> Option<String> {
    let mut words = Vec::new();
    for below in tree.descendants(node) {
        let said = [
            tree.attribute(below, "displayName"),
            Some(tree.text(below)),
            tree.attribute(below, "value"),
            tree.attribute(below, "extension"),
        ];
        words.extend(said.into_iter().flatten().filter_map(string));
    }
    (!words.is_empty()).then(|| words.join(" "))
}

/// What stands beside the value of an act and no field could use, in words: an unreadable time, a dose that is no number.
#[must_use]
pub fn leftovers(tree: &Tree<'_>, node: Position, used: &[Position]) -> Vec<Value> {
    const ELSEWHERE: [&str; 12] = [
        "entryRelationship",
        "component",
        "code",
        "statusCode",
        "id",
        "value",
        "performer",
        "author",
        "participant",
        "informant",
        "templateId",
        "specimen",
    ];
    let mut kept = Vec::new();
    for child in tree.children(node).filter(|child| !ELSEWHERE.contains(&tree.name(*child))) {
        let end = tree.end(child);
        if used.iter().any(|used| (child..end).contains(used)) {
            continue;
        }
        let mut words = Vec::new();
        for below in child..end {
            let said = ["displayName", "code", "value", "unit"].map(|name| tree.attribute(below, name));
            words.extend(said.into_iter().flatten().chain([tree.text(below)]).filter_map(string));
        }
        if !words.is_empty() {
            kept.push(values::sent(tree.name(child), "valueString", Value::from(words.join(" "))));
        }
    }
    kept
}

/// Whether something stands at a path (its first name is enough).
#[must_use]
pub fn has(resource: &Map<String, Value>, path: &str) -> bool {
    let first = path.split(['.', '[']).next().unwrap_or(path);
    resource.contains_key(first)
}

/// Whether something stands at a whole path.
fn exists(resource: &Map<String, Value>, path: &str) -> bool {
    let pointer: String = path.split(['.', '[']).map(|step| format!("/{}", step.trim_end_matches(']'))).collect();
    let mut at: Option<&Value> = None;
    for (number, step) in pointer.split('/').skip(1).enumerate() {
        let next = if number == 0 { resource.get(step) } else { at.and_then(|at| at.pointer(&format!("/{step}"))) };
        let Some(next) = next else { return false };
        at = Some(next);
    }
    at.is_some()
}

/// Whether another member of the same choice (`value[x]`, `effective[x]` …) is there already.
fn taken_choice(resource: &Map<String, Value>, path: &str) -> bool {
    ["value", "effective", "performed", "occurrence", "medication"].iter().any(|choice| {
        let ours = path.strip_prefix(choice).is_some_and(|rest| rest.starts_with(|one: char| one.is_ascii_uppercase()));
        ours && resource.keys().any(|key| {
            key != path.split('.').next().unwrap_or(path)
                && key.strip_prefix(choice).is_some_and(|rest| rest.starts_with(|one: char| one.is_ascii_uppercase()))
        })
    })
}

/// Puts a value at a path: `dosageInstruction[0].route`, `note[+]` (one more), `category[+].text`.
pub fn put(resource: &mut Map<String, Value>, path: &str, value: Value) {
    let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
    let (name, index) =
        step.split_once('[').map_or((step, None), |(name, index)| (name, Some(index.trim_end_matches(']'))));
    if name.is_empty() {
        return;
    }
    let Some(index) = index else {
        match rest {
            None => {
                resource.insert(name.to_owned(), value);
            }
            Some(rest) => {
                let inner = resource.entry(name.to_owned()).or_insert_with(|| json!({}));
                if let Value::Object(inner) = inner {
                    put(inner, rest, value);
                }
            }
        }
        return;
    };
    let list = resource.entry(name.to_owned()).or_insert_with(|| json!([]));
    let Value::Array(list) = list else { return };
    let place = if index == "+" { list.len() } else { index.parse().unwrap_or(0).min(list.len()) };
    if place == list.len() {
        list.push(if rest.is_some() { json!({}) } else { Value::Null });
    }
    match (rest, &mut list[place]) {
        (None, slot) => *slot = value,
        (Some(rest), Value::Object(inner)) => put(inner, rest, value),
        (Some(_), _) => {}
    }
}
