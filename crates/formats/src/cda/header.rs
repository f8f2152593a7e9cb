//! The header: who, when, where, by whom. It makes the registration (Patient), the visit (Encounter), the institution and the
//! people it names, and knows the numbers by which everything else is claimed.

use std::collections::BTreeMap;

use model::Element;
use serde_json::{Map, Value, json};
use standards::cda::{self, Document};

use super::Options;
use super::findings::{Findings, rule};
use super::places::{address, addresses, list_elements, telecoms};
use super::spelling::right_oid;
use super::tree::{Position, Tree};
use super::values::{self, moment, sent, string};
use crate::national;
use crate::reading::{Act, Claim, Fact};
use crate::text::{self, Context, Moment};

/// What the header says.
#[derive(Debug, Default)]
pub struct Header {
    /// Code of the institution.
    pub institution: String,
    /// Its name.
    pub institution_name: String,
    /// Key of the document: setId, else id.
    pub document: String,
    /// The id of this version of the document.
    pub id: String,
    /// When it was generated.
    pub effective: Option<Moment>,
    /// Numbers by root, cleaned.
    pub numbers: BTreeMap<String, String>,
    /// The claim of the registration.
    pub registration: Option<Claim>,
    /// The claim of the visit.
    pub visit: Option<Claim>,
    /// Class of the visit: `O`, `E`, `I`.
    pub class: &'static str,
    /// When the author wrote it.
    pub author_time: Option<Moment>,
    /// When it was signed.
    pub signed: Option<Moment>,
    /// References to the authors.
    pub authors: Vec<Value>,
    /// People who signed: FHIR's mode, role, time, reference.
    pub attesters: Vec<Value>,
    /// The visit, to be filled by the body.
    pub encounter: Map<String, Value>,
    /// What has no FHIR place and belongs to the document.
    pub extensions: Vec<Value>,
    /// Documents that this one replaces or adds to: FHIR's code for the relation, and which.
    pub relates: Vec<(&'static str, Claim)>,
    /// Mentions of institutions, departments and people.
    pub mentions: Mentions,
}

/// Institutions, departments and people that a document names, each once.
#[derive(Debug, Default)]
pub struct Mentions {
    facts: BTreeMap<Claim, Fact>,
}

impl Mentions {
    fn add(&mut self, claim: Claim, resource: Value, path: impl FnOnce() -> String) {
        self.facts.entry(claim.clone()).or_insert_with(|| Fact { claim, resource, path: path(), act: Act::Mention });
    }

    /// All of them.
    pub fn into_facts(self) -> impl Iterator<Item = Fact> {
        self.facts.into_values()
    }
}

/// Reads the header; findings about it go to `findings`, its data elements to `elements`.
pub fn read(
    tree: &Tree<'_>,
    root: Position,
    document: Option<&'static Document>,
    options: &Options,
    findings: &mut Findings,
    elements: &mut Vec<Element>,
) -> Header {
    let mut header = Header::default();
    let mut reader = Reader { tree, root, options, findings, header: &mut header };
    reader.identity();
    reader.custodian();
    reader.numbers();
    reader.visit(document);
    reader.registration();
    reader.people();
    list_elements(tree, root, header.class, elements);
    header
}

struct Reader<'r, 't> {
    tree: &'r Tree<'t>,
    root: Position,
    options: &'r Options,
    findings: &'r mut Findings,
    header: &'r mut Header,
}

impl Reader<'_, '_> {
    fn say(&mut self, id: &str, node: Position, found: &str) -> &mut model::Issue {
        let (line, column) = self.tree.place_of(node);
        let path = self.tree.path(node);
        self.findings.add(id, &path, line, column, found)
    }

    /// The number of an `id` element: its extension, or its root when that is a number of its own (a UUID).
    fn number_of(&self, node: Position) -> Option<String> {
        let extension =
            self.tree.attribute(node, "extension").and_then(|text| text::present(text, Context::Identifier));
        let extension = extension.map(|text| text::key_part(&text).into_owned()).filter(|text| !text.is_empty());
        extension.or_else(|| {
            let root =
                self.tree.attribute(node, "root").map(|root| text::key_part(root).into_owned()).unwrap_or_default();
            root.contains('-').then_some(root)
        })
    }

    fn identity(&mut self) {
        let number =
            |name: &str| self.tree.child(self.root, name).and_then(|node| self.number_of(node)).unwrap_or_default();
        let (id, set) = (number("id"), number("setId"));
        self.header.document = if set.is_empty() { id.clone() } else { set };
        self.header.id = if id.is_empty() { self.header.document.clone() } else { id };
        if self.header.document.is_empty() {
            self.say(rule::DOCUMENT_ID_MISSING, self.root, "");
        }
        let time = self.tree.child(self.root, "effectiveTime");
        self.header.effective = time.and_then(|node| moment(self.tree.attribute(node, "value").unwrap_or_default()));
        if self.header.effective.is_none() {
            self.say(rule::DOCUMENT_TIME_MISSING, time.unwrap_or(self.root), "");
        }
    }

    fn custodian(&mut self) {
        let tree = self.tree;
        let organization = tree.below(self.root, "custodian/assignedCustodian/representedCustodianOrganization");
        let code =
            organization.and_then(|node| tree.child(node, "id")).and_then(|id| self.number_of(id)).unwrap_or_default();
        let name = organization
            .and_then(|node| tree.child(node, "name"))
            .and_then(|name| string(tree.text(name)))
            .unwrap_or_default();
        self.header.institution_name = name;
        self.header.institution = code;
        if self.header.institution.is_empty() {
            self.header.institution = text::key_part(&self.options.institution).into_owned();
            let id = if self.header.institution.is_empty() { rule::CUSTODIAN_MISSING } else { rule::CUSTODIAN_ASSUMED };
            self.say(id, organization.unwrap_or(self.root), "");
        }
        if self.header.institution.is_empty() {
            return;
        }
        let node = organization.unwrap_or(self.root);
        let mut resource = json!({
            "resourceType": "Organization",
            "identifier": [national::identifier(national::INSTITUTION_CODE, &self.header.institution)],
            "active": true,
        });
        let shown = if self.header.institution_name.is_empty() {
            self.header.institution.clone()
        } else {
            self.header.institution_name.clone()
        };
        resource["name"] = Value::from(shown);
        let telecom: Vec<Value> = telecoms(tree, node);
        if !telecom.is_empty() {
            resource["telecom"] = Value::Array(telecom);
        }
        let addresses = addresses(tree, node);
        if !addresses.is_empty() {
            resource["address"] = Value::Array(addresses);
        }
        let claim = self.organization();
        self.header.mentions.add(claim, resource, || tree.path(node));
    }

    fn organization(&self) -> Claim {
        Claim::new("organization", [&*self.header.institution])
    }

    fn numbers(&mut self) {
        let tree = self.tree;
        let Some(role) = tree.below(self.root, "recordTarget/patientRole") else {
            self.say(rule::PATIENT_MISSING, self.root, "");
            return;
        };
        let patient = tree.child(role, "patient");
        for holder in std::iter::once(role).chain(patient) {
            for node in tree.children(holder).filter(|child| tree.name(*child) == "id").collect::<Vec<_>>() {
                let root = right_oid(tree.attribute(node, "root").unwrap_or_default()).into_owned();
                let Some(number) = self.number_of(node) else { continue };
                let sent = tree.attribute(node, "extension").unwrap_or_default();
                let damaged =
                    crate::text::damage::of_identifier(sent, None).into_iter().find(|damage| damage.is_loss());
                if damaged.is_some() {
                    self.say(rule::IDENTIFIER_DAMAGED, node, sent);
                }
                self.header.numbers.entry(root).or_insert(number);
            }
        }
    }

    fn number(&self, what: &str) -> Option<&str> {
        cda::header()
            .identifier
            .iter()
            .filter(|known| known.what == what)
            .find_map(|known| self.header.numbers.get(&known.root))
            .map(String::as_str)
    }

    fn visit(&mut self, document: Option<&'static Document>) {
        let tree = self.tree;
        let node = tree.below(self.root, "componentOf/encompassingEncounter");
        let kind = tree.below(self.root, "recordTarget/patientRole/patientType/patienttypeCode");
        let kind = kind
            .and_then(|kind| tree.attribute(kind, "code"))
            .map(|code| text::key_part(code).into_owned())
            .unwrap_or_default();
        let declared = cda::header().patient_type.get(&kind).map(String::as_str);
        let (outpatient, inpatient) =
            (self.number("outpatient").map(str::to_owned), self.number("inpatient").map(str::to_owned));
        let about_stay =
            document.is_some_and(|document| cda::header().inpatient.iter().any(|code| code == document.code));
        self.header.class = match (declared, &outpatient, &inpatient) {
            (Some("I"), _, _) => "I",
            (Some("E"), _, _) => "E",
            (Some(_), Some(_), _) => "O",
            (_, None, Some(_)) => "I",
            (_, Some(_), Some(_)) if about_stay => "I",
            (_, Some(_), _) => "O",
            _ if about_stay => "I",
            _ => "O",
        };
        let own = node.and_then(|node| tree.child(node, "id")).and_then(|id| self.number_of(id));
        let number = own.or(if self.header.class == "I" { inpatient.or(outpatient) } else { outpatient.or(inpatient) });
        let Some(number) = number else {
            self.say(rule::VISIT_MISSING, node.unwrap_or(self.root), "");
            return;
        };
        let class = self.header.class;
        let branch = text::key_part(&self.options.branch).into_owned();
        self.header.visit = Some(Claim::new("visit", [&*self.header.institution, &*branch, class, &*number]));
        let mut encounter = Map::new();
        encounter.insert("resourceType".to_owned(), Value::from("Encounter"));
        let system = national::institution_system(&self.header.institution, "visit");
        let mut identifiers = vec![national::identifier(&system, &number)];
        for what in ["outpatient", "inpatient"] {
            if let Some(number) = self.number(what) {
                identifiers
                    .push(national::identifier(&national::institution_system(&self.header.institution, what), number));
            }
        }
        encounter.insert("identifier".to_owned(), Value::Array(identifiers));
        let period = node.and_then(|node| tree.child(node, "effectiveTime")).and_then(|time| values::when(tree, time));
        let period = match period {
            Some(("Period", period)) => Some(period),
            Some((_, start)) => Some(json!({ "start": start })),
            None => None,
        };
        let ended = period.as_ref().is_some_and(|period| period.get("end").is_some()) || class != "I";
        encounter.insert("status".to_owned(), Value::from(if ended { "finished" } else { "in-progress" }));
        encounter.insert("class".to_owned(), national::encounter_class(class));
        if let Some(period) = period {
            encounter.insert("period".to_owned(), period);
        }
        if let Some(code) = node.and_then(|node| tree.child(node, "code"))
            && let Some(concept) = values::concept_at(tree, code, "DE06.00.339.00")
        {
            encounter.insert("hospitalization".to_owned(), json!({ "admitSource": concept }));
        }
        self.header.encounter = encounter;
        if let Some(node) = node {
            self.places(node);
        }
        if !self.header.institution.is_empty() {
            let claim = self.organization();
            self.header.encounter.insert("serviceProvider".to_owned(), claim.as_reference());
        }
    }

    /// Bed, room, department, ward: nested organizations. The department is an organization of its own.
    fn places(&mut self, encounter: Position) {
        let tree = self.tree;
        let mut places = Vec::new();
        for id in tree.all_below(encounter, "**/id") {
            let Some(holder) = tree.parent(id) else { continue };
            if !matches!(tree.name(holder), "wholeOrganization" | "serviceProviderOrganization" | "healthCareFacility")
            {
                continue;
            }
            let root = right_oid(tree.attribute(id, "root").unwrap_or_default()).into_owned();
            let name = tree.child(holder, "name").and_then(|name| string(tree.text(name)));
            let number = self.number_of(id);
            let (kind, code) = match &*root {
                "2.16.156.10011.1.22" => ("病床", "bd"),
                "2.16.156.10011.1.21" => ("病房", "ro"),
                "2.16.156.10011.1.27" => ("病区", "wa"),
                "2.16.156.10011.1.26" => {
                    self.department(holder, number.as_deref(), name.as_deref());
                    continue;
                }
                _ => {
                    self.facility(number.as_deref(), name.as_deref());
                    continue;
                }
            };
            let Some(shown) = name.or_else(|| number.clone()) else { continue };
            let system = "http://terminology.hl7.org/CodeSystem/location-physical-type";
            let mut location = json!({ "display": shown });
            if let Some(number) = number {
                let system = national::institution_system(&self.header.institution, "place");
                location["identifier"] = national::identifier(&system, &number);
            }
            places.push(json!({
                "location": location,
                "physicalType": { "coding": [{ "system": system, "code": code }], "text": kind },
            }));
        }
        if !places.is_empty() {
            self.header.encounter.insert("location".to_owned(), Value::Array(places));
        }
    }

    /// A hospital around the place that is not the custodian of the document.
    fn facility(&mut self, number: Option<&str>, name: Option<&str>) {
        let other = number.is_some_and(|number| number != self.header.institution)
            || name.is_some_and(|name| name != self.header.institution_name);
        let words = [name, number].into_iter().flatten().collect::<Vec<_>>().join(" ");
        if other && !words.is_empty() {
            self.header.extensions.push(sent("facility", "valueString", Value::from(words)));
        }
    }

    fn department(&mut self, node: Position, number: Option<&str>, name: Option<&str>) {
        let Some(key) = number.or(name) else { return };
        let claim = Claim::new("department", [&*self.header.institution, key]);
        let mut resource = json!({ "resourceType": "Organization", "active": true });
        if let Some(number) = number {
            let system = national::institution_system(&self.header.institution, "department");
            resource["identifier"] = json!([national::identifier(&system, number)]);
        }
        resource["name"] = Value::from(name.unwrap_or(key));
        resource["partOf"] = self.organization().as_reference();
        let mut reference = claim.as_reference();
        reference["display"] = Value::from(name.unwrap_or(key));
        let tree = self.tree;
        self.header.mentions.add(claim, resource, || tree.path(node));
        // FHIR's visit knows no department: the institution of the extension is the nearest.
        let extension = sent("DE08.10.026.00", "valueReference", reference);
        let list = self.header.encounter.entry("extension").or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(extension);
        }
    }

    fn registration(&mut self) {
        let tree = self.tree;
        let Some(role) = tree.below(self.root, "recordTarget/patientRole") else { return };
        let patient = tree.child(role, "patient").unwrap_or(role);
        let name = tree.child(patient, "name").and_then(|name| string(&tree.whole_text(name)));
        if name.is_none() {
            self.say(rule::PATIENT_NAME_MISSING, patient, "");
        }
        let Some(key) = self.patient_key(name.as_deref().unwrap_or_default()) else {
            self.say(rule::PATIENT_IDENTIFIER_MISSING, role, "");
            return;
        };
        let claim = Claim::new("registration", [&*self.header.institution, &*key]);
        let mut resource = Map::new();
        resource.insert("resourceType".to_owned(), Value::from("Patient"));
        let identifiers = self.patient_identifiers(&key);
        if !identifiers.is_empty() {
            resource.insert("identifier".to_owned(), Value::Array(identifiers));
        }
        resource.insert("active".to_owned(), Value::Bool(true));
        if let Some(name) = name {
            resource.insert("name".to_owned(), json!([{ "text": name }]));
        }
        self.demographics(&mut resource, role, patient);
        if let Some(provider) = tree.child(role, "providerOrganization").and_then(|node| string(&tree.whole_text(node)))
            && provider != self.header.institution_name
        {
            self.header.extensions.push(sent("providerOrganization", "valueString", Value::from(provider)));
        }
        resource.insert("managingOrganization".to_owned(), self.organization().as_reference());
        self.header.registration = Some(claim.clone());
        // A document says who the patient is, as far as it needs to: no more than that is what it changes.
        let fact =
            Fact { claim: claim.clone(), resource: Value::Object(resource), path: tree.path(role), act: Act::Merge };
        self.header.mentions.facts.insert(claim, fact);
    }

    /// By what the source knows the patient: its own patient number; else the numbers that stay with a patient; else the identity
    /// document with the name (a newborn stands under its mother's number); else the number of the visit.
    fn patient_key(&self, name: &str) -> Option<String> {
        let own = self.options.patient_roots.iter().find_map(|root| self.header.numbers.get(&*right_oid(root)));
        if let Some(number) = own {
            return Some(number.clone());
        }
        let known = |root: &str| cda::header().identifier.iter().any(|one| one.root == root);
        let local = self
            .header
            .numbers
            .iter()
            .find(|(root, _)| !root.is_empty() && !known(root) && !root.starts_with("2.16.156.10011.1."));
        if let Some((_, number)) = local {
            return Some(number.clone());
        }
        for what in ["medical-record", "health-record", "health-card"] {
            if let Some(number) = self.number(what) {
                return Some(format!("{what}:{number}"));
            }
        }
        if let Some(number) = self.number("resident") {
            return Some(format!("document:01:{number}:{}", text::key_part(name)));
        }
        let mut numbers = ["inpatient", "outpatient"].into_iter().filter_map(|what| Some((what, self.number(what)?)));
        let visit = numbers.next().map(|(what, number)| format!("{what}:{number}"));
        visit.or_else(|| self.header.numbers.get("").map(|number| format!("unknown:{number}")))
    }

    fn patient_identifiers(&self, key: &str) -> Vec<Value> {
        let institution = &self.header.institution;
        let mut identifiers = vec![national::identifier(&national::institution_system(institution, "patient"), key)];
        for (root, number) in &self.header.numbers {
            let known = cda::header().identifier.iter().find(|known| known.root == *root && known.of == "patient");
            let Some(known) = known else { continue };
            let system = if known.system.is_empty() {
                national::institution_system(institution, &known.what)
            } else {
                known.system.clone()
            };
            // An identity number that is no identity number is some other document.
            let resident = known.what != "resident" || number.len() == 18 || number.len() == 15;
            let system = if resident { system } else { national::document_system("99") };
            identifiers.push(national::identifier(&system, number));
        }
        identifiers
    }

    fn demographics(&mut self, resource: &mut Map<String, Value>, role: Position, patient: Position) {
        let tree = self.tree;
        let telecom = telecoms(tree, role);
        if !telecom.is_empty() {
            resource.insert("telecom".to_owned(), Value::Array(telecom));
        }
        if let Some(sex) = tree.child(patient, "administrativeGenderCode") {
            let code = tree.attribute(sex, "code").unwrap_or_default();
            let display = tree.attribute(sex, "displayName").unwrap_or_default();
            let gender = national::gender(&text::key_part(code)).or_else(|| national::gender(display));
            match gender {
                Some(gender) => {
                    resource.insert("gender".to_owned(), Value::from(gender));
                }
                None if !code.trim().is_empty() || !display.trim().is_empty() => {
                    self.say(rule::PATIENT_SEX_UNKNOWN, sex, if code.is_empty() { display } else { code });
                }
                None => {}
            }
        }
        if let Some(birth) =
            tree.child(patient, "birthTime").and_then(|node| moment(tree.attribute(node, "value").unwrap_or_default()))
        {
            resource.insert("birthDate".to_owned(), Value::from(birth.day()));
        }
        let mut addresses = addresses(tree, role);
        for (name, kind) in [("household", "户籍"), ("birthplace", "出生地"), ("nativePlace", "籍贯")] {
            let Some(place) = tree.child(patient, name) else { continue };
            for node in tree.all_below(place, "**/addr") {
                if let Some(mut address) = address(tree, node) {
                    address["extension"] = json!([sent("address-type", "valueString", Value::from(kind))]);
                    addresses.push(address);
                }
            }
        }
        if !addresses.is_empty() {
            resource.insert("address".to_owned(), Value::Array(addresses));
        }
        if let Some(marital) =
            tree.child(patient, "maritalStatusCode").and_then(|node| values::concept_at(tree, node, "DE02.01.018.00"))
        {
            resource.insert("maritalStatus".to_owned(), marital);
        }
        let contacts = self.contacts();
        if !contacts.is_empty() {
            resource.insert("contact".to_owned(), Value::Array(contacts));
        }
        self.further(resource, patient);
    }

    /// What FHIR has no place for: 民族, 国籍, 学历, 职业, 工作单位, and the age, which belongs to the day of the document.
    fn further(&mut self, resource: &mut Map<String, Value>, patient: Position) {
        let tree = self.tree;
        let mut extensions = Vec::new();
        let coded = [
            ("DE02.01.025.00", "ethnicGroupCode"),
            ("DE02.01.015.00", "nationality"),
            ("DE02.01.041.00", "educationLevel/educationLevelCode"),
            ("DE02.01.052.00", "occupation/occupationCode"),
        ];
        for (id, path) in coded {
            if let Some(concept) = tree.below(patient, path).and_then(|node| values::concept_at(tree, node, id)) {
                extensions.push(sent(id, "valueCodeableConcept", concept));
            }
        }
        if let Some(employer) =
            tree.below(patient, "employerOrganization/name").and_then(|name| string(tree.text(name)))
        {
            extensions.push(sent("DE08.10.007.00", "valueString", Value::from(employer)));
        }
        if !extensions.is_empty() {
            resource.insert("extension".to_owned(), Value::Array(extensions));
        }
        if let Some(age) = tree.child(patient, "age") {
            let (number, unit) =
                (tree.attribute(age, "value").unwrap_or_default(), tree.attribute(age, "unit").unwrap_or_default());
            if let Some(text) = string(&format!("{number}{unit}")).filter(|_| !number.trim().is_empty()) {
                self.header.extensions.push(sent("DE02.01.026.00", "valueString", Value::from(text)));
            }
        }
    }

    /// Contact persons: participants of type NOT.
    fn contacts(&self) -> Vec<Value> {
        let tree = self.tree;
        let mut contacts = Vec::new();
        for participant in tree.children(self.root).filter(|child| tree.name(*child) == "participant") {
            if tree.attribute(participant, "typeCode").map(str::trim) != Some("NOT") {
                continue;
            }
            let Some(entity) = tree.child(participant, "associatedEntity") else { continue };
            let mut contact = Map::new();
            if let Some(relation) = tree.child(entity, "code").and_then(|code| values::concept_at(tree, code, "")) {
                contact.insert("relationship".to_owned(), json!([relation]));
            }
            if let Some(name) = tree.below(entity, "associatedPerson/name").and_then(|name| string(tree.text(name))) {
                contact.insert("name".to_owned(), json!({ "text": name }));
            }
            let telecom = telecoms(tree, entity);
            if !telecom.is_empty() {
                contact.insert("telecom".to_owned(), Value::Array(telecom));
            }
            if let Some(address) = tree.child(entity, "addr").and_then(|node| address(tree, node)) {
                contact.insert("address".to_owned(), address);
            }
            // A relation alone is no contact.
            if contact.keys().any(|key| key != "relationship") {
                contacts.push(Value::Object(contact));
            }
        }
        contacts
    }

    /// The document that this one replaces or adds to.
    fn related(&mut self, node: Position) {
        let tree = self.tree;
        let Some(parent) = tree.child(node, "parentDocument") else { return };
        let key = ["setId", "id"].iter().find_map(|name| tree.child(parent, name).and_then(|id| self.number_of(id)));
        let Some(key) = key.filter(|key| *key != self.header.document && *key != self.header.id) else { return };
        let Some(relation) = relation(tree, node) else {
            let code = tree.attribute(node, "typeCode").unwrap_or_default().trim();
            self.header.extensions.push(sent("relatedDocument", "valueString", Value::from(format!("{code} {key}"))));
            return;
        };
        let claim = Claim::new("document", [&*self.header.institution, &*key]);
        self.header.relates.push((relation, claim));
    }

    fn people(&mut self) {
        let tree = self.tree;
        for child in tree.children(self.root).collect::<Vec<_>>() {
            let name = tree.name(child);
            let time =
                tree.child(child, "time").and_then(|time| moment(tree.attribute(time, "value").unwrap_or_default()));
            match name {
                "author" => {
                    self.header.author_time = self.header.author_time.take().or(time);
                    let person = tree.child(child, "assignedAuthor").and_then(|node| self.header.person(tree, node));
                    self.header.authors.extend(person);
                }
                "legalAuthenticator" | "authenticator" => {
                    let Some(entity) = tree.child(child, "assignedEntity") else { continue };
                    let Some(person) = self.header.person(tree, entity) else { continue };
                    let role = tree
                        .child(entity, "code")
                        .and_then(|code| string(tree.attribute(code, "displayName").unwrap_or_default()));
                    let mut attester =
                        json!({ "mode": if name == "authenticator" { "professional" } else { "legal" } });
                    let position = tree.below(entity, "assignedPerson/professionalTechnicalPosition");
                    let position =
                        position.into_iter().flat_map(|node| tree.all_below(node, "professionaltechnicalpositionCode"));
                    let position = position.filter_map(|node| values::concept_at(tree, node, "DE08.30.031.00"));
                    let mut extensions: Vec<Value> =
                        role.map(|role| sent("role", "valueString", Value::from(role))).into_iter().collect();
                    extensions.extend(position.map(|concept| sent("DE08.30.031.00", "valueCodeableConcept", concept)));
                    if !extensions.is_empty() {
                        attester["extension"] = Value::Array(extensions);
                    }
                    if let Some(time) = &time {
                        attester["time"] = Value::from(time.text.as_str());
                    }
                    attester["party"] = person;
                    self.header.attesters.push(attester);
                    self.header.signed = self.header.signed.take().or(time);
                }
                "participant" if tree.attribute(child, "typeCode").map(str::trim) != Some("NOT") => {
                    let text = string(&tree.whole_text(child));
                    if let Some(text) = text {
                        self.header.extensions.push(sent("participant", "valueString", Value::from(text)));
                    }
                }
                "informant" => {
                    let text = string(&tree.whole_text(child));
                    if let Some(text) = text {
                        self.header.extensions.push(sent("informant", "valueString", Value::from(text)));
                    }
                }
                "relatedDocument" => self.related(child),
                _ => {}
            }
        }
        if self.header.authors.is_empty() {
            self.say(rule::DOCUMENT_AUTHOR_MISSING, self.root, "");
        }
    }
}

/// What a `relatedDocument` does to its parent, in FHIR's words; `None` when its code is none of the standard's. Without a code
/// it replaces: that is what the templates (WS/T 482) fix.
fn relation(tree: &Tree<'_>, related: Position) -> Option<&'static str> {
    match &*text::key_part(tree.attribute(related, "typeCode").unwrap_or_default()).to_uppercase() {
        "" | "RPLC" => Some("replaces"),
        "APND" => Some("appends"),
        "XFRM" => Some("transforms"),
        _ => None,
    }
}

/// Whether a `relatedDocument` replaces its parent.
pub fn is_replacement(tree: &Tree<'_>, related: Position) -> bool {
    relation(tree, related) == Some("replaces")
}

impl Header {
    /// A reference to the person of an `assignedEntity` or `assignedAuthor`; with a staff number also a mention of them.
    pub fn person(&mut self, tree: &Tree<'_>, node: Position) -> Option<Value> {
        let name = ["assignedPerson/name", "assignedPerson", "associatedPerson/name", "playingEntity/name"]
            .iter()
            .find_map(|path| tree.below(node, path).and_then(|name| string(&tree.whole_text(name))));
        let number = tree.child(node, "id").and_then(|id| tree.attribute(id, "extension"));
        let number = number
            .and_then(|sent| text::present(sent, Context::Identifier))
            .map(|sent| text::key_part(&sent).into_owned());
        let organization = || {
            let names = ["representedOrganization/name", "scopingOrganization/name"];
            names.iter().find_map(|path| tree.below(node, path).and_then(|name| string(tree.text(name))))
        };
        let Some(name) = name else {
            return organization().map(|name| json!({ "display": name }));
        };
        let Some(number) = number.filter(|_| !self.institution.is_empty()) else {
            return Some(json!({ "display": name }));
        };
        let claim = Claim::new("practitioner", [&*self.institution, &*number]);
        let system = national::institution_system(&self.institution, "staff");
        let resource = json!({
            "resourceType": "Practitioner",
            "identifier": [national::identifier(&system, &number)],
            "active": true,
            "name": [{ "text": name }],
        });
        let mut reference = claim.as_reference();
        reference["display"] = Value::from(name);
        self.mentions.add(claim, resource, || tree.path(node));
        Some(reference)
    }
}
