//! From acts to facts: the fact rules of `standards/cda/*.toml` are tried at every act, in the order of the files; what no rule
//! takes becomes an `Observation` of its data element.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};
use standards::cda;
use standards::cda_mapping::{FactRule, Scope};

use super::acts::Body;
use super::fields::{self, Making};
use super::header::Header;
use super::tree::Tree;
use super::values::{self, string};
use crate::reading::{Act, Claim, Fact};

/// A fact that was made, and where it belongs.
#[derive(Debug)]
pub struct Made {
    /// The fact.
    pub fact: Fact,
    /// The rule that made it; empty for what no rule took.
    pub rule: &'static str,
    /// The act where it begins; `None` for what stands for the whole document.
    pub root: Option<usize>,
    /// The section where it belongs.
    pub section: usize,
}

/// The state while facts are made.
pub struct Maker<'r, 't> {
    /// The document.
    pub tree: &'r Tree<'t>,
    /// Its body.
    pub body: &'r Body,
    /// Its header; the visit is filled from the body.
    pub header: &'r mut Header,
    /// Its type.
    pub code: &'r str,
    /// Elements that stand in attributes and names of acts rather than in observations of their own.
    pub elements: Vec<model::Element>,
    made: Vec<Made>,
    /// Which fact took an act.
    taken: Vec<Option<usize>>,
    /// In whose scope an act stands.
    owner: Vec<Option<usize>>,
    by_claim: HashMap<Claim, usize>,
    items: HashMap<String, u32>,
    lines: BTreeMap<&'static str, u32>,
}

/// An act that a fact of the visit took; such a fact has no number.
const TAKEN_BY_VISIT: usize = usize::MAX;

impl<'r, 't> Maker<'r, 't> {
    /// Makes all facts of the body.
    pub fn run(
        tree: &'r Tree<'t>,
        body: &'r Body,
        header: &'r mut Header,
        code: &'r str,
    ) -> (Vec<Made>, Vec<model::Element>) {
        let count = body.acts.len();
        let mut maker = Self {
            tree,
            body,
            header,
            code,
            elements: Vec::new(),
            made: Vec::new(),
            taken: vec![None; count],
            owner: vec![None; count],
            by_claim: HashMap::new(),
            items: HashMap::new(),
            lines: BTreeMap::new(),
        };
        for act in 0..count {
            maker.begin_at(act);
        }
        for rule in cda::mapping().fact.iter().filter(|rule| rule.scope == Scope::Document) {
            if maker.is_for(rule) {
                let members: Vec<usize> = (0..count).collect();
                maker.make(rule, None, &members);
            }
        }
        maker.rest();
        maker.collect();
        (maker.made, maker.elements)
    }

    fn is_for(&self, rule: &FactRule) -> bool {
        rule.documents.is_empty() || rule.documents.iter().any(|code| code == self.code)
    }

    fn begin_at(&mut self, position: usize) {
        if self.taken[position].is_some() {
            return;
        }
        let act = &self.body.acts[position];
        for rule in cda::mapping().candidates(&act.id, act.kind, &act.value.kind) {
            if !self.is_for(rule) || !self.begins(rule, position) {
                continue;
            }
            let members = self.scope(rule.scope, position);
            if !self.fits(rule, &members) {
                continue;
            }
            if self.make(rule, Some(position), &members) {
                return;
            }
        }
    }

    /// Whether the act is one at which the rule begins.
    fn begins(&self, rule: &FactRule, position: usize) -> bool {
        let act = &self.body.acts[position];
        let class = self.tree.attribute(act.node, "classCode").unwrap_or_default().trim();
        let section = &self.body.sections[act.section];
        (rule.class.is_empty() || rule.class == class)
            && (rule.sections.is_empty()
                || rule.sections.iter().any(|one| *one == section.code || *one == section.title))
            && (rule.words.is_empty() || rule.words.iter().any(|word| act.name.contains(&**word)))
            && !rule.not_words.iter().any(|word| act.name.contains(&**word))
            && (rule.when_value.is_empty() || rule.when_value.iter().any(|one| *one == act.value.text.trim()))
            && (rule.holds.is_empty()
                || act.children.iter().any(|child| rule.holds.contains(&self.body.acts[*child].id)))
    }

    fn fits(&self, rule: &FactRule, members: &[usize]) -> bool {
        rule.when.iter().all(|(id, allowed)| {
            let value = members.iter().map(|member| &self.body.acts[*member]).find(|act| act.id == *id);
            value.is_some_and(|act| allowed.iter().any(|one| one == act.value.text.trim()))
        })
    }

    /// The acts that a fact beginning here may take.
    fn scope(&self, scope: Scope, position: usize) -> Vec<usize> {
        if scope == Scope::Act {
            return self.body.subtree(position).collect();
        }
        let act = &self.body.acts[position];
        let siblings: &[usize] = match act.parent {
            None => &self.body.sections[act.section].top,
            // Below an act that says something itself, the rest hangs on that act, not on this one.
            Some(parent) if scope == Scope::Group && !self.body.acts[parent].id.is_empty() => {
                return self.body.subtree(position).collect();
            }
            Some(parent) => &self.body.acts[parent].children,
        };
        // A repetition begins where an element comes again.
        let mut start = 0;
        let mut end = siblings.len();
        let mut seen: Vec<&str> = Vec::new();
        let mut passed = false;
        for (number, sibling) in siblings.iter().enumerate() {
            let id = &*self.body.acts[*sibling].id;
            if !id.is_empty() && seen.contains(&id) {
                if passed {
                    end = number;
                    break;
                }
                start = number;
                seen.clear();
            }
            seen.push(id);
            passed |= *sibling == position;
        }
        siblings[start..end].iter().flat_map(|sibling| self.body.subtree(*sibling)).collect()
    }

    /// Makes a resource by a rule; `false` when it came to nothing and all acts are free again.
    fn make(&mut self, rule: &'static FactRule, root: Option<usize>, members: &[usize]) -> bool {
        let into_visit = rule.resource == "Encounter";
        if into_visit && self.header.visit.is_none() {
            return false;
        }
        let number = if into_visit { TAKEN_BY_VISIT } else { self.made.len() };
        let mut resource = Map::new();
        if !into_visit {
            resource.insert("resourceType".to_owned(), Value::from(&*rule.resource));
            if let Some(base) = rule.base.as_ref().and_then(Value::as_object) {
                resource.extend(base.clone());
            }
        }
        let mut making = Making {
            tree: self.tree,
            body: self.body,
            header: self.header,
            taken: &mut self.taken,
            elements: Vec::new(),
            resource,
            set: Vec::new(),
            number,
            root,
            members,
            used: Vec::new(),
        };
        for field in &rule.field {
            fields::fill(&mut making, field);
        }
        let complete = rule.needs.iter().all(|need| need.split('|').any(|one| fields::has(&making.resource, one)));
        // A document-wide rule that found nothing in the body says nothing that the header did not.
        let found = root.is_none() || !making.set.is_empty();
        if !complete || !found {
            for taken in making.taken.iter_mut().filter(|taken| **taken == Some(number) && number != TAKEN_BY_VISIT) {
                *taken = None;
            }
            return false;
        }
        fields::keep_people(&mut making);
        let Making { resource, elements, .. } = making;
        self.elements.extend(elements);
        if into_visit {
            merge_missing(&mut self.header.encounter, resource);
            return true;
        }
        if let Some(root) = root {
            self.taken[root] = self.taken[root].or(Some(number));
            // What begins further in is nearer. Beside each other in a section, things only share the section.
            let grouped = self.body.acts[root].parent.is_some();
            let subtree = self.body.subtree(root);
            for member in members.iter().filter(|member| grouped || subtree.contains(member)) {
                self.owner[*member] = Some(number);
            }
        }
        let section = root.map_or(usize::MAX, |root| self.body.acts[root].section);
        let claim = self.claim(rule, root, members);
        self.finish(rule, claim, resource, root, section);
        true
    }

    fn finish(
        &mut self,
        rule: &'static FactRule,
        claim: Claim,
        mut resource: Map<String, Value>,
        root: Option<usize>,
        section: usize,
    ) {
        for (name, wanted) in &rule.only_with {
            let lacking = resource.get(name).is_some_and(|member| !wanted.iter().any(|one| member.get(one).is_some()));
            if let Some(member) = lacking.then(|| resource.remove(name)).flatten() {
                fields::put(
                    &mut resource,
                    "extension[+]",
                    values::sent(name, "valueString", Value::from(words_of(&member))),
                );
            }
        }
        self.about(&mut resource);
        let path = match root {
            Some(root) => self.tree.path(self.body.acts[root].node),
            None => "/ClinicalDocument".to_owned(),
        };
        self.push(&rule.name, claim, resource, path, root, section);
    }

    fn push(
        &mut self,
        rule: &'static str,
        claim: Claim,
        resource: Map<String, Value>,
        path: String,
        root: Option<usize>,
        section: usize,
    ) {
        if let Some(known) = self.by_claim.get(&claim) {
            // The same thing said twice (the specimen of every item): one fact, filled from all places.
            let fact = &mut self.made[*known].fact;
            if let Value::Object(there) = &mut fact.resource {
                merge_missing(there, resource);
            }
            // The number stays occupied, so that what this place took is still found to be taken.
            let copy = Fact { claim, resource: Value::Null, path, act: Act::Mention };
            self.made.push(Made { fact: copy, rule, root, section });
            return;
        }
        self.by_claim.insert(claim.clone(), self.made.len());
        let fact = Fact { claim, resource: Value::Object(resource), path, act: Act::Replace };
        self.made.push(Made { fact, rule, root, section });
    }

    /// Patient and visit, under the names that the type has for them.
    fn about(&self, resource: &mut Map<String, Value>) {
        let kind = resource.get("resourceType").and_then(Value::as_str).unwrap_or_default();
        let (patient, visit) = match kind {
            "AllergyIntolerance" | "Immunization" => ("patient", Some("encounter")),
            "MedicationAdministration" | "ChargeItem" => ("subject", Some("context")),
            "Specimen" => ("subject", None),
            _ => ("subject", Some("encounter")),
        };
        if let Some(registration) = &self.header.registration {
            resource.insert(patient.to_owned(), registration.as_reference());
        }
        if let (Some(name), Some(claim)) = (visit, &self.header.visit) {
            resource.insert(name.to_owned(), claim.as_reference());
        }
    }

    fn claim(&mut self, rule: &'static FactRule, root: Option<usize>, members: &[usize]) -> Claim {
        let mut key = vec![self.header.institution.clone()];
        let mut complete = true;
        let mut item = None;
        let mut sub = false;
        for part in &rule.key {
            let value = match part.split_once(':') {
                None => match &**part {
                    "document" => self.header.document.clone(),
                    "item" => item.get_or_insert_with(|| self.item(rule, root)).clone(),
                    "line" => {
                        let line = self.lines.entry(&rule.name).or_insert(0);
                        *line += 1;
                        line.to_string()
                    }
                    "day" => self.header.author_time.as_ref().map(|time| time.day().to_owned()).unwrap_or_default(),
                    "root-id" => self.root_id(root).unwrap_or_default(),
                    _ => {
                        sub = true;
                        continue;
                    }
                },
                Some(("number", what)) => self.number(what).unwrap_or_default(),
                Some(("text", text)) => text.to_owned(),
                Some((_, ids)) => self.value_of(ids, members).unwrap_or_default(),
            };
            complete &= !value.is_empty();
            key.push(value);
        }
        if complete || rule.fallback.is_empty() && rule.claim != "specimen" {
            if sub {
                let count = self.items.entry(key.join("|")).or_insert(0);
                *count += 1;
                let nth = if *count == 1 { String::new() } else { count.to_string() };
                key.push(nth);
            }
            return Claim { kind: kind(&rule.claim), key };
        }
        if rule.fallback.is_empty() {
            // A specimen without a number: it is the one of this document.
            let key = vec![self.header.institution.clone(), format!("document:{}", self.header.document)];
            return Claim { kind: kind(&rule.claim), key };
        }
        let item = item.unwrap_or_else(|| self.item(rule, root));
        let key = vec![self.header.institution.clone(), self.header.document.clone(), item];
        Claim { kind: kind(&rule.fallback), key }
    }

    /// What tells one thing of a document from another: data element and name of the place, with a number when it repeats.
    fn item(&mut self, rule: &FactRule, root: Option<usize>) -> String {
        let name = match root {
            None => rule.name.clone(),
            Some(root) => {
                let act = &self.body.acts[root];
                if act.id.is_empty() {
                    format!("{}/{}", rule.name, act.name)
                } else {
                    format!("{}/{}", act.id, act.name)
                }
            }
        };
        self.numbered(&name)
    }

    fn numbered(&mut self, name: &str) -> String {
        let name = crate::text::key_part(name).into_owned();
        let count = self.items.entry(name.clone()).or_insert(0);
        *count += 1;
        if *count == 1 { name } else { format!("{name}#{count}") }
    }

    /// The number of an order: the `id` of its act or of the organizer around it.
    fn root_id(&self, root: Option<usize>) -> Option<String> {
        let act = &self.body.acts[root?];
        let around =
            act.parent.filter(|parent| self.body.acts[*parent].id.is_empty()).map(|parent| self.body.acts[parent].node);
        [Some(act.node), around].into_iter().flatten().find_map(|node| {
            let id = self.tree.child(node, "id")?;
            let number = crate::text::key_part(self.tree.attribute(id, "extension")?).into_owned();
            (!number.is_empty()).then_some(number)
        })
    }

    fn number(&self, what: &str) -> Option<String> {
        fields::number_of(self.header, what).map(str::to_owned)
    }

    fn value_of(&self, ids: &str, members: &[usize]) -> Option<String> {
        ids.split('|').find_map(|id| {
            let act = members
                .iter()
                .map(|member| &self.body.acts[*member])
                .find(|act| act.id == id && !act.value.is_empty())?;
            let text = if act.value.text.trim().is_empty() { &act.value.display } else { &act.value.text };
            Some(crate::text::key_part(text).into_owned())
        })
    }

    /// What no rule took: an Observation for every act that says something, joined to what it hangs on.
    fn rest(&mut self) {
        let count = self.body.acts.len();
        let mut own: Vec<Option<usize>> = vec![None; count];
        for (position, slot) in own.iter_mut().enumerate() {
            if self.taken[position].is_some() {
                continue;
            }
            let act = &self.body.acts[position];
            let Some((claim, resource)) = self.observation(position) else { continue };
            *slot = Some(self.made.len());
            self.push("", claim, resource, self.tree.path(act.node), Some(position), act.section);
        }
        // hasMember from an Observation to those that hang on it.
        for (position, made) in own.iter().enumerate() {
            let Some(made) = *made else { continue };
            let members: Vec<Value> = self.body.acts[position]
                .children
                .iter()
                .filter_map(|child| own[*child])
                .map(|child| self.made[child].fact.claim.as_reference())
                .collect();
            if let (Value::Object(resource), false) = (&mut self.made[made].fact.resource, members.is_empty()) {
                resource.insert("hasMember".to_owned(), Value::Array(members));
            }
        }
    }

    fn observation(&mut self, position: usize) -> Option<(Claim, Map<String, Value>)> {
        let act = &self.body.acts[position];
        let (code, value) = match act.kind {
            "observation" if !act.id.is_empty() => {
                (values::element_concept(&act.id, &act.name), values::observed(&act.id, &act.value, ""))
            }
            "observation" => {
                let code = self.tree.child(act.node, "code").and_then(|node| values::concept_at(self.tree, node, ""));
                (code, values::observed("", &act.value, ""))
            }
            "organizer" | "encounter" => {
                let said = act
                    .children
                    .iter()
                    .filter(|child| self.taken[**child].is_none() && !self.body.acts[**child].value.is_empty());
                if said.count() < 2 || self.owner[position].is_some() {
                    return None;
                }
                let name = if act.name.is_empty() { self.body.sections[act.section].shown() } else { &act.name };
                let coded = self.tree.child(act.node, "code").and_then(|node| values::concept_at(self.tree, node, ""));
                (coded.or_else(|| string(name).map(|text| json!({ "text": text }))), None)
            }
            // What a drug, an operation or another act says that no rule could read: in words.
            _ => {
                let name = [&*act.name, act.kind].into_iter().find(|name| !name.is_empty()).unwrap_or_default();
                (
                    string(name).map(|text| json!({ "text": text })),
                    self.own_words(position).map(|text| ("valueString", Value::from(text))),
                )
            }
        };
        let grouped = matches!(act.kind, "organizer" | "encounter");
        if value.is_none() && !grouped {
            return None;
        }
        let code = code.or_else(|| {
            string(&act.name)
                .or_else(|| string(&self.body.sections[act.section].title))
                .map(|text| json!({ "text": text }))
        })?;
        let mut resource = Map::new();
        resource.insert("resourceType".to_owned(), Value::from("Observation"));
        resource.insert("status".to_owned(), Value::from("final"));
        if self.body.sections[act.section].code == "8716-3" {
            let system = "http://terminology.hl7.org/CodeSystem/observation-category";
            resource
                .insert("category".to_owned(), json!([{ "coding": [{ "system": system, "code": "vital-signs" }] }]));
        }
        resource.insert("code".to_owned(), code);
        if let Some((name, value)) = value {
            resource.insert(name.to_owned(), value);
        }
        self.time_and_people(position, &mut resource);
        if matches!(act.kind, "observation" | "organizer" | "encounter") {
            // A time that was read is no leftover.
            let time = self.tree.child(act.node, "effectiveTime");
            let used: Vec<_> = time.filter(|time| values::when(self.tree, *time).is_some()).into_iter().collect();
            for extension in fields::leftovers(self.tree, act.node, &used) {
                fields::put(&mut resource, "extension[+]", extension);
            }
        }
        self.join(position, &mut resource);
        self.about(&mut resource);
        let name =
            if act.id.is_empty() { format!("{}/{}", act.kind, act.name) } else { format!("{}/{}", act.id, act.name) };
        let item = self.numbered(&name);
        Some((
            Claim::new("document_observation", [&*self.header.institution, &*self.header.document, &*item]),
            resource,
        ))
    }

    /// The words of an act outside the acts that hang on it.
    fn own_words(&self, position: usize) -> Option<String> {
        let node = self.body.acts[position].node;
        let tree = self.tree;
        let mut words = Vec::new();
        for child in tree.children(node) {
            if matches!(tree.name(child), "entryRelationship" | "component" | "id" | "statusCode") {
                continue;
            }
            for below in std::iter::once(child).chain(tree.descendants(child)) {
                let said =
                    [tree.attribute(below, "displayName"), Some(tree.text(below)), tree.attribute(below, "value")];
                words.extend(said.into_iter().flatten().filter_map(string));
            }
        }
        (!words.is_empty()).then(|| words.join(" "))
    }

    fn time_and_people(&mut self, position: usize, resource: &mut Map<String, Value>) {
        let node = self.body.acts[position].node;
        let tree = self.tree;
        let effective = tree.child(node, "effectiveTime").and_then(|time| values::when(tree, time));
        let written = || {
            let time = tree.below(node, "author/time")?;
            values::moment(tree.attribute(time, "value").unwrap_or_default())
                .map(|moment| ("DateTime", Value::from(moment.text)))
        };
        let by_document = || self.header.author_time.as_ref().map(|time| ("DateTime", Value::from(time.text.as_str())));
        if let Some((ending, value)) = effective.or_else(written).or_else(by_document) {
            resource.insert(format!("effective{ending}"), value);
        }
        let mut people = Vec::new();
        for path in [
            "performer/assignedEntity",
            "author/assignedAuthor",
            "participant/participantRole",
            "participant/associatedEntity",
        ] {
            for entity in tree.all_below(node, path) {
                people.extend(self.header.person(tree, entity));
            }
        }
        if !people.is_empty() {
            resource.insert("performer".to_owned(), Value::Array(people));
        }
    }

    /// To what an Observation belongs that stands in the scope of another fact.
    fn join(&self, position: usize, resource: &mut Map<String, Value>) {
        let Some(owner) = self.owner[position].map(|owner| &self.made[owner].fact) else { return };
        let kind = owner.resource.get("resourceType").and_then(Value::as_str).unwrap_or_default();
        let reference = owner.claim.as_reference();
        let member = match kind {
            "Procedure" | "MedicationAdministration" => "partOf",
            "MedicationRequest" | "ServiceRequest" => "basedOn",
            _ => "focus",
        };
        resource.insert(member.to_owned(), Value::Array(vec![reference]));
    }

    /// References between facts.
    fn collect(&mut self) {
        let rules: Vec<&FactRule> = cda::mapping().fact.iter().filter(|rule| !rule.collect.is_empty()).collect();
        for number in 0..self.made.len() {
            let made = &self.made[number];
            let Some(rule) = rules.iter().find(|rule| rule.name == made.rule && !made.fact.resource.is_null()) else {
                continue;
            };
            for collect in &rule.collect {
                let inside = self.made[number].root.map(|root| self.body.subtree(root));
                let mut claims: Vec<Claim> = Vec::new();
                for other in self.made.iter().filter(|other| other.rule == collect.rule) {
                    let within = !collect.inside
                        || inside.as_ref().is_some_and(|range| other.root.is_some_and(|root| range.contains(&root)));
                    if within && !claims.contains(&other.fact.claim) {
                        claims.push(other.fact.claim.clone());
                    }
                }
                claims.truncate(if collect.one { 1 } else { usize::MAX });
                let Value::Object(resource) = &mut self.made[number].fact.resource else { continue };
                for claim in claims {
                    fields::put(resource, &collect.to, claim.as_reference());
                }
            }
        }
    }
}

/// Claim kinds are static: the names of the files are looked up in the list of those that the reader uses.
fn kind(name: &str) -> &'static str {
    const KINDS: [&str; 15] = [
        "document_observation",
        "document_condition",
        "document_procedure",
        "document_medication_request",
        "document_medication_administration",
        "document_service_request",
        "document_allergy",
        "document_report",
        "document_charge",
        "report",
        "result",
        "specimen",
        "prescription_line",
        "medication_order",
        "service_order",
    ];
    KINDS.into_iter().find(|kind| *kind == name).unwrap_or("document_observation")
}

/// The texts in a value, without codes and systems.
fn words_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Array(list) => list.iter().map(words_of).collect::<Vec<_>>().join(" "),
        Value::Object(map) => {
            let said = map
                .iter()
                .filter(|(name, _)| !matches!(name.as_str(), "system" | "coding") || !map.contains_key("text"));
            said.map(|(_, value)| words_of(value)).collect::<Vec<_>>().join(" ")
        }
        Value::Bool(_) | Value::Null => String::new(),
    }
}

/// Puts in what is not there yet.
fn merge_missing(there: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, value) in more {
        match (there.get_mut(&name), value) {
            (Some(Value::Object(there)), Value::Object(more)) => merge_missing(there, more),
            (Some(_), _) => {}
            (None, value) => {
                there.insert(name, value);
            }
        }
    }
}
