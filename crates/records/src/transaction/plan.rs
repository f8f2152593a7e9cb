//! A whole transaction on one draft.
//!
//! The order is FHIR's (DELETE, POST, PUT and PATCH), but identities come first of all: an id of ours embeds the home, so a
//! resource gets its id when its patient has one, and references can be written when everybody has one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use model::{ErrorCode, Failure, Home, Issue, TypeCode};
use serde_json::Value;
use trust::Interaction;

use super::at_entry;
use super::entry::{Address, Entry, Method, Request};
use super::respond::Response;
use crate::Parameters;
use crate::load::{is_id, not_found};
use crate::matching::{QueryValue, answers, split_values};
use crate::parameters::Computed;
use crate::resource::Stored;
use crate::write::acts::{check_if_match, patched, relative};
use crate::write::draft::{Draft, Place, Saved};
use crate::write::home;
use crate::write::references::{self, Rewriter};
use crate::write::{Target, check, is_error};

/// Issues that one answer carries: enough to mend a feed, not so many that they are a second bundle.
const ISSUES_MAX: usize = 100;
/// How often conditional references may be compared with resources of the same bundle, so that a hostile bundle cannot
/// make them quadratic.
const COMPARISONS_MAX: usize = 1_000_000;

/// A read that waits for the commit, with its place in the answer.
pub(super) type Read = (usize, Request);

/// What an entry will write.
enum Act {
    /// A conditional create that found something: nothing is written.
    Match(Saved),
    /// A conditional create with the condition of an earlier one in this bundle: the same resource.
    Same(usize),
    /// POST, or PUT to nothing: under an id that is known.
    New(Place),
    /// PUT to an id: where exactly is known when the references are.
    ById(String),
    /// PUT or PATCH to something that is there.
    Over(Stored),
    /// DELETE; `None`: nothing was there.
    Remove(Option<Stored>),
}

/// An entry on its way.
struct Step {
    position: usize,
    type_code: TypeCode,
    request: Request,
    act: Act,
    saved: Option<Saved>,
}

/// Plans a transaction. The reads are handed back, to be answered after the commit.
///
/// # Errors
/// What the first failing entry says; nothing of the draft may be committed then.
pub(super) fn transaction(draft: &mut Draft<'_>, entries: Vec<Entry>) -> Result<(Vec<Response>, Vec<Read>), Failure> {
    let count = entries.len();
    let (writes, reads) = separate(entries)?;
    may(draft, &writes)?;
    check_all(&writes)?;
    let mut planner = Planner { draft, steps: Vec::with_capacity(count), targets: HashMap::new(), comparisons: 0 };
    planner.identify(writes)?;
    planner.name_new()?;
    planner.refuse_overlap()?;
    planner.write_all()?;
    let steps = planner.steps;
    let mut responses: Vec<Response> = (0..count).map(|_| Response::default()).collect();
    for step in &steps {
        let saved = match &step.act {
            Act::Match(saved) => Some(saved.clone()),
            // The condition was met by the earlier entry: FHIR's answer to a met condition is 200.
            Act::Same(first) => steps[*first].saved.clone().map(|saved| Saved { status: 200, ..saved }),
            _ => step.saved.clone(),
        };
        responses[step.position] = saved.map_or_else(Response::nothing_deleted, Response::saved);
    }
    Ok((responses, reads))
}

/// The writes and the reads of a bundle.
fn separate(entries: Vec<Entry>) -> Result<(Vec<Read>, Vec<Read>), Failure> {
    let (mut writes, mut reads) = (Vec::new(), Vec::new());
    for entry in entries {
        let request = entry.request.map_err(|failure| at_entry(entry.position, failure))?;
        let list = if super::is_read(request.method) { &mut reads } else { &mut writes };
        list.push((entry.position, request));
    }
    Ok((writes, reads))
}

/// Asks the policy once per interaction and type.
fn may(draft: &Draft<'_>, writes: &[Read]) -> Result<(), Failure> {
    let mut asked = HashSet::new();
    for (position, request) in writes {
        let Some(type_code) = request.type_code() else { continue };
        let interaction = match request.method {
            Method::Post => Interaction::Create,
            Method::Delete => Interaction::Delete,
            _ => Interaction::Update,
        };
        if asked.insert((interaction, type_code)) {
            draft.caller.may(interaction, type_code).map_err(|failure| at_entry(*position, failure))?;
        }
    }
    Ok(())
}

/// The basic rules on every resource; all findings are told at once.
fn check_all(writes: &[Read]) -> Result<(), Failure> {
    let mut issues: Vec<Issue> = Vec::new();
    for (position, request) in writes {
        let Some(type_code) = request.type_code() else { continue };
        if !matches!(request.method, Method::Post | Method::Put) {
            continue;
        }
        let missing = || at_entry(*position, Failure::new(ErrorCode::NotReadable, "`resource` is missing"));
        let resource = request.resource.as_ref().ok_or_else(missing)?;
        match check(type_code, resource, &format!("Bundle.entry[{position}].resource")) {
            Ok(()) => {}
            Err(failure) if failure.code == ErrorCode::Unprocessable => issues.extend(failure.issues),
            Err(failure) => return Err(at_entry(*position, failure)),
        }
    }
    if issues.iter().any(is_error) {
        issues.truncate(ISSUES_MAX);
        return Err(Failure::new(ErrorCode::Unprocessable, "entries break rules").with_issues(issues));
    }
    Ok(())
}

struct Planner<'p, 'd> {
    draft: &'p mut Draft<'d>,
    steps: Vec<Step>,
    /// What a `fullUrl` of this bundle stands for: `Type/id`.
    targets: HashMap<String, String>,
    comparisons: usize,
}

impl Planner<'_, '_> {
    /// Finds out which entries meet something that is there.
    fn identify(&mut self, writes: Vec<Read>) -> Result<(), Failure> {
        let mut conditions: HashMap<(TypeCode, String), usize> = HashMap::new();
        for (position, request) in writes {
            let Some(type_code) = request.type_code() else { continue };
            let act =
                self.act_of(type_code, &request, &mut conditions).map_err(|failure| at_entry(position, failure))?;
            self.steps.push(Step { position, type_code, request, act, saved: None });
        }
        Ok(())
    }

    fn act_of(
        &mut self,
        type_code: TypeCode,
        request: &Request,
        conditions: &mut HashMap<(TypeCode, String), usize>,
    ) -> Result<Act, Failure> {
        match (request.method, &request.address) {
            (Method::Delete, Address::Instance(_, id)) => self.draft.existing(type_code, id).map(Act::Remove),
            (Method::Delete, Address::Condition(_, query)) => self.draft.find_one(type_code, query).map(Act::Remove),
            (Method::Patch, Address::Instance(_, id)) => {
                self.draft.existing(type_code, id)?.map(Act::Over).ok_or_else(|| not_found(type_code, id))
            }
            (Method::Patch, Address::Condition(_, query)) => {
                let absent = || Failure::new(ErrorCode::NotFound, format!("no {type_code} matches the condition"));
                self.draft.find_one(type_code, query)?.map(Act::Over).ok_or_else(absent)
            }
            (Method::Put, Address::Instance(_, id)) => match id_of(request) {
                Some(given) if given == id => Ok(Act::ById(id.clone())),
                _ => Err(Failure::new(ErrorCode::NotReadable, "the id of the resource is not the id in the address")),
            },
            (Method::Put, Address::Condition(_, query)) => self.conditional_update(type_code, request, query),
            (Method::Post, _) => self.create(type_code, request, conditions),
            _ => Err(Failure::new(ErrorCode::NotSupported, "this method does not go with this address")),
        }
    }

    fn conditional_update(&mut self, type_code: TypeCode, request: &Request, query: &str) -> Result<Act, Failure> {
        let found = self.draft.find_one(type_code, query)?;
        match (found, id_of(request)) {
            (Some(stored), Some(id)) if stored.id() != id => {
                Err(Failure::new(ErrorCode::NotReadable, format!("the {type_code} that matches has another id")))
            }
            (Some(stored), _) => Ok(Act::Over(stored)),
            (None, Some(id)) if is_id(id) => match self.draft.existing(type_code, id)? {
                Some(stored) if !stored.is_deleted() => {
                    let detail = format!("nothing matches, but {type_code}/{id} is there");
                    Err(Failure::new(ErrorCode::Conflict, detail))
                }
                _ => Ok(Act::ById(id.to_owned())),
            },
            (None, Some(_)) => {
                Err(Failure::new(ErrorCode::NotReadable, "the id does not follow FHIR's grammar of ids"))
            }
            (None, None) => Ok(Act::New(self.unnamed(type_code)?)),
        }
    }

    fn create(
        &mut self,
        type_code: TypeCode,
        request: &Request,
        conditions: &mut HashMap<(TypeCode, String), usize>,
    ) -> Result<Act, Failure> {
        let Some(condition) = &request.options.if_none_exist else { return Ok(Act::New(self.unnamed(type_code)?)) };
        if let Some(first) = conditions.get(&(type_code, condition.clone())) {
            return Ok(Act::Same(*first));
        }
        if let Some(stored) = self.draft.find_one(type_code, condition)? {
            return Ok(Act::Match(self.draft.unchanged(&stored)));
        }
        conditions.insert((type_code, condition.clone()), self.steps.len());
        Ok(Act::New(self.unnamed(type_code)?))
    }

    /// A new place; its home is put right in [`Planner::name_new`] when the type has a subject.
    fn unnamed(&self, type_code: TypeCode) -> Result<Place, Failure> {
        self.draft.new_place(type_code, Home::SHARED)
    }

    /// Gives every new resource its id: patients and resources of nobody first, then those that belong to a patient.
    fn name_new(&mut self) -> Result<(), Failure> {
        for position in 0..self.steps.len() {
            if !home::has_subject(self.steps[position].type_code) {
                self.name(position)?;
            }
        }
        for position in 0..self.steps.len() {
            if home::has_subject(self.steps[position].type_code) {
                self.place_in_home(position).map_err(|failure| at_entry(self.steps[position].position, failure))?;
                self.name(position)?;
            }
        }
        Ok(())
    }

    /// Moves a new resource under the home of its subject, which may be a patient of this bundle.
    fn place_in_home(&mut self, position: usize) -> Result<(), Failure> {
        let step = &self.steps[position];
        let (Act::New(_), Some(resource)) = (&step.act, &step.request.resource) else { return Ok(()) };
        let type_code = step.type_code;
        let texts: Vec<String> = home::subjects(type_code, resource).into_iter().map(str::to_owned).collect();
        for text in texts {
            let literal = self.literal(position, &text)?.unwrap_or(text);
            if let Some(id) = home::patient_id(&literal) {
                let home = home::home_of_patient(&self.draft.tenant_keys, id);
                self.steps[position].act = Act::New(self.draft.new_place(type_code, home)?);
                break;
            }
        }
        Ok(())
    }

    /// Notes what the `fullUrl` of an entry stands for.
    fn name(&mut self, position: usize) -> Result<(), Failure> {
        let step = &self.steps[position];
        let id = match &step.act {
            Act::Match(saved) => saved.id.clone(),
            Act::New(Place::New { id, .. }) | Act::ById(id) => id.clone(),
            Act::Over(stored) | Act::New(Place::Existing(stored)) => stored.id().to_owned(),
            Act::Same(first) => match &self.steps[*first].act {
                Act::New(Place::New { id, .. }) => id.clone(),
                _ => return Ok(()),
            },
            Act::Remove(_) => return Ok(()),
        };
        let Some(full_url) = &step.request.full_url else { return Ok(()) };
        let reference = format!("{}/{id}", step.type_code);
        // A RESTful fullUrl is also meant by the relative reference that resolves to it.
        let short = rest_tail(full_url).filter(|short| *short != reference).map(str::to_owned);
        let entry = step.position;
        if self.targets.insert(full_url.clone(), reference.clone()).is_some_and(|other| other != reference) {
            let failure = Failure::new(ErrorCode::NotReadable, "the same fullUrl stands for two resources");
            return Err(at_entry(entry, failure));
        }
        if let Some(short) = short {
            self.targets.entry(short).or_insert(reference);
        }
        Ok(())
    }

    /// FHIR: a transaction fails when two entries write the same resource.
    fn refuse_overlap(&self) -> Result<(), Failure> {
        let mut seen: HashSet<(TypeCode, &str)> = HashSet::with_capacity(self.steps.len());
        for step in &self.steps {
            let id = match &step.act {
                Act::New(Place::New { id, .. }) | Act::ById(id) => id.as_str(),
                Act::Over(stored) | Act::New(Place::Existing(stored)) | Act::Remove(Some(stored)) => stored.id(),
                Act::Match(_) | Act::Same(_) | Act::Remove(None) => continue,
            };
            if !seen.insert((step.type_code, id)) {
                let detail = format!("{}/{id} is written twice in this transaction", step.type_code);
                return Err(at_entry(step.position, Failure::new(ErrorCode::NotReadable, detail)));
            }
        }
        Ok(())
    }

    fn write_all(&mut self) -> Result<(), Failure> {
        for methods in [[Method::Delete, Method::Delete], [Method::Post, Method::Post], [Method::Put, Method::Patch]] {
            for position in 0..self.steps.len() {
                if methods.contains(&self.steps[position].request.method) {
                    let saved = self.write(position);
                    self.steps[position].saved =
                        saved.map_err(|failure| at_entry(self.steps[position].position, failure))?;
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, position: usize) -> Result<Option<Saved>, Failure> {
        let step = &mut self.steps[position];
        let type_code = step.type_code;
        let act = std::mem::replace(&mut step.act, Act::Remove(None));
        let options = step.request.options.clone();
        match act {
            // These write nothing; the answer looks at them again.
            act @ (Act::Match(_) | Act::Same(_)) => {
                step.act = act;
                Ok(None)
            }
            Act::Remove(stored) => {
                check_if_match(&options, stored.as_ref())?;
                stored.map(|stored| self.draft.delete(&stored)).transpose()
            }
            Act::New(place) => {
                check_if_match(&options, None)?;
                let resource = self.literal_resource(position)?;
                self.put(position, place, resource)
            }
            Act::ById(id) => {
                let resource = self.literal_resource(position)?;
                let place = self.draft.place_of(type_code, &id, &resource)?;
                match &place {
                    Place::Existing(stored) => check_if_match(&options, Some(stored))?,
                    Place::New { .. } => {
                        check_if_match(&options, None)?;
                        self.draft.caller.may(Interaction::Create, type_code)?;
                    }
                }
                self.put(position, place, resource)
            }
            Act::Over(stored) => {
                check_if_match(&options, Some(&stored))?;
                if self.steps[position].request.method == Method::Patch {
                    let patch = self.steps[position].request.patch()?;
                    self.steps[position].request.resource = Some(patched(&stored, &patch)?);
                }
                let resource = self.literal_resource(position)?;
                self.put(position, Place::Existing(stored), resource)
            }
        }
    }

    /// Writes, and leaves the resource where conditional references can be compared with it.
    fn put(&mut self, position: usize, place: Place, resource: Value) -> Result<Option<Saved>, Failure> {
        let saved = self.draft.put(place, &resource)?;
        self.steps[position].request.resource = Some(resource);
        Ok(Some(saved))
    }

    /// The resource of an entry with all references literal.
    fn literal_resource(&mut self, position: usize) -> Result<Value, Failure> {
        let missing = || Failure::new(ErrorCode::NotReadable, "`resource` is missing");
        let mut resource = self.steps[position].request.resource.take().ok_or_else(missing)?;
        references::rewrite(&mut resource, &mut Literal { planner: self, position })?;
        Ok(resource)
    }

    /// What a reference stands for, if not for itself.
    fn literal(&mut self, position: usize, text: &str) -> Result<Option<String>, Failure> {
        if let Some(target) = self.targets.get(text) {
            return Ok(Some(target.clone()));
        }
        if let Some(rest) = relative(&self.draft.caller.base_url, text) {
            return Ok(Some(rest.to_owned()));
        }
        if !text.contains('?') {
            return Ok(None);
        }
        if !self.draft.knows(text)
            && let Some((type_name, query)) = references::conditional(text)
            && let Ok(type_code) = TypeCode::of(type_name)
            && let Some(target) = self.in_bundle(position, type_code, query)?
        {
            let also_stored = self.draft.find_one(type_code, query)?.is_some();
            if also_stored {
                return Err(Failure::new(ErrorCode::MultipleMatches, format!("a condition on {type_code}")));
            }
            self.draft.know(text.to_owned(), target);
        }
        self.draft.resolve(text)
    }

    /// The one new resource of this bundle that a condition matches.
    fn in_bundle(&mut self, position: usize, type_code: TypeCode, query: &str) -> Result<Option<String>, Failure> {
        let mut found: Option<String> = None;
        let generations = Arc::clone(&self.draft.generations);
        let parameters = generations.asked(self.draft.caller.tenant());
        let questions = questions(self.draft, parameters, type_code, query);
        for (other, step) in self.steps.iter().enumerate() {
            let is_new = step.type_code == type_code && step.request.method == Method::Post && other != position;
            if !is_new || matches!(step.act, Act::Match(_) | Act::Same(_)) {
                continue;
            }
            self.comparisons += 1;
            if self.comparisons > COMPARISONS_MAX {
                return Err(Failure::new(ErrorCode::TooCostly, "too many conditional references in one bundle"));
            }
            let same_condition = step.request.options.if_none_exist.as_deref() == Some(query);
            let answers_all = || match (&questions, &step.request.resource) {
                (Some(questions), Some(resource)) => questions.iter().all(|(parameter, values)| {
                    answers(None, values, &parameter.values(resource, &Computed::default()))
                }),
                _ => false,
            };
            if !same_condition && !answers_all() {
                continue;
            }
            let id = match (&step.act, &step.saved) {
                (_, Some(saved)) => saved.id.clone(),
                (Act::New(Place::New { id, .. }), _) => id.clone(),
                _ => continue,
            };
            if found.replace(format!("{type_code}/{id}")).is_some() {
                return Err(Failure::new(ErrorCode::MultipleMatches, format!("a condition on {type_code}")));
            }
        }
        Ok(found)
    }
}

/// The plain conditions of a query, with which resources that are not stored yet can be compared; `None` when it asks for
/// more (chains, modifiers), which only the store can answer.
fn questions<'r>(
    draft: &Draft<'_>,
    parameters: &'r Parameters,
    type_code: TypeCode,
    query: &str,
) -> Option<Vec<(&'r crate::Parameter, Vec<QueryValue>)>> {
    let now_ms = draft.records.clock.now_ms();
    let mut questions = Vec::new();
    for (code, value) in form_urlencoded::parse(query.as_bytes()) {
        let parameter = parameters.get(type_code, &code)?;
        let values = split_values(&value).into_iter().map(|part| QueryValue::parse(parameter, None, part, now_ms).ok());
        questions.push((parameter, values.collect::<Option<Vec<_>>>()?));
    }
    (!questions.is_empty()).then_some(questions)
}

/// The last two segments of a RESTful address that is not ours, `Patient/123` of `https://his.example/fhir/Patient/123`.
fn rest_tail(full_url: &str) -> Option<&str> {
    let id_at = full_url.rfind('/')?;
    let type_at = full_url[..id_at].rfind('/').map_or(0, |at| at + 1);
    let (type_name, id) = (&full_url[type_at..id_at], &full_url[id_at + 1..]);
    (TypeCode::of(type_name).is_ok() && is_id(id)).then(|| &full_url[type_at..])
}

fn id_of(request: &Request) -> Option<&str> {
    request.resource.as_ref()?.get("id").and_then(Value::as_str)
}

/// Makes the references of one entry literal.
struct Literal<'l, 'p, 'd> {
    planner: &'l mut Planner<'p, 'd>,
    position: usize,
}

impl Rewriter for Literal<'_, '_, '_> {
    fn reference(&mut self, text: &str) -> Result<Option<String>, Failure> {
        self.planner.literal(self.position, text)
    }

    fn link(&mut self, text: &str) -> Option<String> {
        self.planner.targets.get(text).cloned()
    }

    fn has_links(&self) -> bool {
        !self.planner.targets.is_empty()
    }
}

/// The target of an address, as the write functions take it.
pub(super) fn target(address: &Address) -> Option<Target<'_>> {
    match address {
        Address::Instance(_, id) => Some(Target::Id(id)),
        Address::Condition(_, query) => Some(Target::Condition(query)),
        Address::Type(_) | Address::Path(..) => None,
    }
}
