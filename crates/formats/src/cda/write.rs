//! The strict generator: values in, a document out whose order, codes and identifiers are those of the tables.
//!
//! A [`Document`] names a type and gives values for places of its template. The text depends on the values only: the same
//! document is always the same bytes. What the template does not have cannot be written.

use std::fmt::Write as _;

use standards::cda::{self, Entry, Section};

pub use super::written::{Document, Drug, Patient, Person, Said, Visit, WrittenEntry, WrittenSection};

/// Writes a document; `None` when the type is not one of those with a template.
#[must_use]
pub fn write(document: &Document) -> Option<String> {
    let template = cda::document(&document.code).filter(|known| !known.sections.is_empty())?;
    let mut writer = Writer { xml: String::with_capacity(16 << 10), depth: 1 };
    writer.xml.push_str(concat!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
        "<ClinicalDocument xmlns=\"urn:hl7-org:v3\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n"
    ));
    writer.head(document, template);
    writer.patient(document);
    writer.people(document);
    writer.related(document);
    writer.visit(document);
    writer.open("component", &[]);
    writer.open("structuredBody", &[]);
    for section in &document.sections {
        if let Some(known) = template.sections.get(section.number) {
            writer.section(known, section);
        }
    }
    writer.close("structuredBody");
    writer.close("component");
    writer.xml.push_str("</ClinicalDocument>\n");
    Some(writer.xml)
}

type Attributes<'a> = &'a [(&'a str, &'a str)];

struct Writer {
    xml: String,
    depth: usize,
}

impl Writer {
    fn tag(&mut self, name: &str, attributes: Attributes<'_>, end: &str) {
        for _ in 0..self.depth {
            self.xml.push_str("  ");
        }
        self.xml.push('<');
        self.xml.push_str(name);
        for (key, value) in attributes {
            // Writing into a text cannot fail.
            let _ = write!(self.xml, " {key}=\"{}\"", super::escape(value));
        }
        self.xml.push_str(end);
    }

    fn open(&mut self, name: &str, attributes: Attributes<'_>) {
        self.tag(name, attributes, ">\n");
        self.depth += 1;
    }

    fn close(&mut self, name: &str) {
        self.depth -= 1;
        for _ in 0..self.depth {
            self.xml.push_str("  ");
        }
        let _ = writeln!(self.xml, "</{name}>");
    }

    fn empty(&mut self, name: &str, attributes: Attributes<'_>) {
        self.tag(name, attributes, "/>\n");
    }

    fn text(&mut self, name: &str, attributes: Attributes<'_>, text: &str) {
        self.tag(name, attributes, ">");
        let _ = writeln!(self.xml, "{}</{name}>", super::escape(text));
    }

    /// A coded element; without word and code nothing.
    fn coded(&mut self, name: &str, system: &str, (code, word): &(String, String)) {
        if code.is_empty() && word.is_empty() {
            return;
        }
        let system_name = cda::code_system_name(system).unwrap_or_default();
        let all =
            [("code", &**code), ("codeSystem", system), ("codeSystemName", system_name), ("displayName", &**word)];
        let given: Vec<(&str, &str)> = all.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        self.empty(name, &given);
    }

    fn head(&mut self, document: &Document, template: &cda::Document) {
        self.empty("realmCode", &[("code", "CN")]);
        self.empty("typeId", &[("root", "2.16.840.1.113883.1.3"), ("extension", "POCD_MT000040")]);
        self.empty("templateId", &[("root", template.template)]);
        self.empty("id", &[("root", "2.16.156.10011.1.1"), ("extension", &document.id)]);
        let system_name = "卫生信息共享文档规范编码体系";
        self.empty(
            "code",
            &[("code", template.code), ("codeSystem", cda::DOCUMENT_CODES), ("codeSystemName", system_name)],
        );
        self.text("title", &[], template.title);
        self.empty("effectiveTime", &[("value", &document.effective)]);
        let confidentiality = "正常访问保密级别";
        self.empty(
            "confidentialityCode",
            &[
                ("code", "N"),
                ("codeSystem", "2.16.840.1.113883.5.25"),
                ("codeSystemName", "Confidentiality"),
                ("displayName", confidentiality),
            ],
        );
        self.empty("languageCode", &[("code", "zh-CN")]);
        let set = if document.set_id.is_empty() { &document.id } else { &document.set_id };
        self.empty("setId", &[("root", "2.16.156.10011.1.1"), ("extension", set)]);
        self.empty("versionNumber", &[("value", &document.version.max(1).to_string())]);
    }

    fn patient(&mut self, document: &Document) {
        let patient = &document.patient;
        self.open("recordTarget", &[("typeCode", "RCT"), ("contextControlCode", "OP")]);
        self.open("patientRole", &[("classCode", "PAT")]);
        for (root, number) in &patient.numbers {
            self.empty("id", &[("root", root), ("extension", number)]);
        }
        let parts = ["state", "city", "county", "township", "streetName", "houseNumber"];
        if patient.address.iter().any(|part| !part.is_empty()) {
            self.open("addr", &[("use", "H")]);
            for (name, part) in parts.iter().zip(&patient.address).rev().filter(|(_, part)| !part.is_empty()) {
                self.text(name, &[], part);
            }
            self.close("addr");
        }
        if !patient.telephone.is_empty() {
            self.empty("telecom", &[("value", &patient.telephone)]);
        }
        if !patient.kind.0.is_empty() {
            self.open("patientType", &[]);
            self.coded("patienttypeCode", "2.16.156.10011.2.3.1.271", &patient.kind);
            self.close("patientType");
        }
        self.open("patient", &[("classCode", "PSN"), ("determinerCode", "INSTANCE")]);
        if !patient.identity.is_empty() {
            self.empty("id", &[("root", "2.16.156.10011.1.3"), ("extension", &patient.identity)]);
        }
        self.text("name", &[], &patient.name);
        self.coded("administrativeGenderCode", "2.16.156.10011.2.3.3.4", &patient.sex);
        if !patient.birth.is_empty() {
            self.empty("birthTime", &[("value", &patient.birth)]);
        }
        self.coded("maritalStatusCode", "2.16.156.10011.2.3.3.5", &patient.marital);
        self.coded("ethnicGroupCode", "2.16.156.10011.2.3.3.3", &patient.ethnic);
        if !patient.age_years.is_empty() {
            self.empty("age", &[("value", &patient.age_years), ("unit", "岁")]);
        }
        if !patient.occupation.0.is_empty() {
            self.open("occupation", &[]);
            self.coded("occupationCode", "2.16.156.10011.2.3.3.13", &patient.occupation);
            self.close("occupation");
        }
        self.close("patient");
        self.close("patientRole");
        self.close("recordTarget");
    }

    fn person(&mut self, holder: &str, root: &str, person: &Person) {
        self.open(holder, &[("classCode", "ASSIGNED")]);
        if person.number.is_empty() {
            self.empty("id", &[("root", root)]);
        } else {
            self.empty("id", &[("root", root), ("extension", &person.number)]);
        }
        if !person.role.is_empty() {
            self.empty("code", &[("displayName", &person.role)]);
        }
        self.open("assignedPerson", &[]);
        self.text("name", &[], &person.name);
        self.close("assignedPerson");
        self.close(holder);
    }

    fn people(&mut self, document: &Document) {
        self.open("author", &[("typeCode", "AUT"), ("contextControlCode", "OP")]);
        if !document.author_time.is_empty() {
            self.empty("time", &[("value", &document.author_time)]);
        }
        self.person("assignedAuthor", "2.16.156.10011.1.7", &document.author);
        self.close("author");
        self.open("custodian", &[("typeCode", "CST")]);
        self.open("assignedCustodian", &[("classCode", "ASSIGNED")]);
        self.open("representedCustodianOrganization", &[("classCode", "ORG"), ("determinerCode", "INSTANCE")]);
        self.empty("id", &[("root", "2.16.156.10011.1.5"), ("extension", &document.institution.0)]);
        self.text("name", &[], &document.institution.1);
        self.close("representedCustodianOrganization");
        self.close("assignedCustodian");
        self.close("custodian");
        for (number, signer) in document.signers.iter().enumerate() {
            let name = if number == 0 { "legalAuthenticator" } else { "authenticator" };
            self.open(name, &[]);
            self.empty("time", &[("value", &document.author_time)]);
            self.empty("signatureCode", &[("code", "S")]);
            self.person("assignedEntity", "2.16.156.10011.1.4", signer);
            self.close(name);
        }
    }

    fn related(&mut self, document: &Document) {
        if document.replaces.is_empty() {
            return;
        }
        self.open("relatedDocument", &[("typeCode", "RPLC")]);
        self.open("parentDocument", &[]);
        self.empty("id", &[("root", "2.16.156.10011.1.1"), ("extension", &document.replaces)]);
        let set = if document.set_id.is_empty() { &document.id } else { &document.set_id };
        self.empty("setId", &[("root", "2.16.156.10011.1.1"), ("extension", set)]);
        self.empty("versionNumber", &[("value", &document.version.saturating_sub(1).max(1).to_string())]);
        self.close("parentDocument");
        self.close("relatedDocument");
    }

    fn visit(&mut self, document: &Document) {
        let visit = &document.visit;
        if *visit == Visit::default() {
            return;
        }
        self.open("componentOf", &[("typeCode", "COMP")]);
        self.open("encompassingEncounter", &[("classCode", "ENC"), ("moodCode", "EVN")]);
        self.coded("code", "2.16.156.10011.2.3.1.270", &visit.admission);
        self.open("effectiveTime", &[]);
        for (name, time) in [("low", &visit.start), ("high", &visit.end)] {
            if !time.is_empty() {
                self.empty(name, &[("value", time)]);
            }
        }
        self.close("effectiveTime");
        self.open("location", &[("typeCode", "LOC")]);
        self.open("healthCareFacility", &[("classCode", "SDLOC")]);
        self.open("serviceProviderOrganization", &[("classCode", "ORG"), ("determinerCode", "INSTANCE")]);
        let steps: [(&str, &str, &str); 5] = [
            ("2.16.156.10011.1.22", &visit.bed, ""),
            ("2.16.156.10011.1.21", &visit.room, ""),
            ("2.16.156.10011.1.26", &visit.department.0, &visit.department.1),
            ("2.16.156.10011.1.27", "", &visit.ward),
            ("2.16.156.10011.1.5", &document.institution.0, &document.institution.1),
        ];
        let steps: Vec<_> =
            steps.into_iter().filter(|(_, number, name)| !number.is_empty() || !name.is_empty()).collect();
        for (root, number, name) in &steps {
            self.open("asOrganizationPartOf", &[("classCode", "PART")]);
            self.open("wholeOrganization", &[("classCode", "ORG"), ("determinerCode", "INSTANCE")]);
            let given: Vec<(&str, &str)> =
                [("root", *root), ("extension", *number)].into_iter().filter(|(_, one)| !one.is_empty()).collect();
            self.empty("id", &given);
            if !name.is_empty() {
                self.text("name", &[], name);
            }
        }
        for _ in &steps {
            self.close("wholeOrganization");
            self.close("asOrganizationPartOf");
        }
        self.close("serviceProviderOrganization");
        self.close("healthCareFacility");
        self.close("location");
        self.close("encompassingEncounter");
        self.close("componentOf");
    }

    fn section(&mut self, known: &'static Section, section: &WrittenSection) {
        self.open("component", &[]);
        self.open("section", &[]);
        let system_name = if known.system == cda::LOINC { "LOINC" } else { "卫生信息数据元目录" };
        if known.code.is_empty() {
            self.empty("code", &[("displayName", known.name)]);
        } else {
            let all = [
                ("code", known.code),
                ("displayName", known.name),
                ("codeSystem", known.system),
                ("codeSystemName", system_name),
            ];
            self.empty("code", &all);
        }
        self.text("text", &[], &section.text);
        for entry in &section.entries {
            self.entry(known, entry, "entry");
        }
        self.close("section");
        self.close("component");
    }

    fn entry(&mut self, section: &'static Section, written: &WrittenEntry, relation: &str) {
        let Some(known) = section.entries.get(written.number) else { return };
        match relation {
            "entryRelationship" => self.open(relation, &[("typeCode", "COMP")]),
            _ => self.open(relation, &[]),
        }
        self.open(known.act, &[("classCode", known.class), ("moodCode", "EVN")]);
        if !written.id.is_empty() {
            self.empty("id", &[("root", "2.16.156.10011.1.28"), ("extension", &written.id)]);
        }
        match known.act {
            "organizer" => {
                let name = if written.name.is_empty() { known.name } else { &written.name };
                if !name.is_empty() {
                    self.empty("code", &[("displayName", name)]);
                }
                self.empty("statusCode", &[("code", "completed")]);
                self.time(written);
            }
            "procedure" => {
                if let Said::Code(code, word) = &written.value {
                    let table = if known.table.is_empty() { "2.16.156.10011.2.3.3.12" } else { known.table };
                    self.coded("code", table, &(code.clone(), word.clone()));
                }
                self.empty("statusCode", &[("code", "completed")]);
                self.time(written);
                self.performer(written);
            }
            "substanceAdministration" => self.drug(written),
            "act" => {
                self.time(written);
                self.performer(written);
            }
            _ => self.observation(known, written),
        }
        self.below(section, known, written);
        if known.act == "observation" {
            self.range(written);
        }
        self.close(known.act);
        self.close(relation);
    }

    /// What hangs on an entry: `entryRelationship` before `component`, as the schema has it.
    fn below(&mut self, section: &'static Section, known: &Entry, written: &WrittenEntry) {
        for relation in ["entryRelationship", "component"] {
            for child in &written.children {
                let Some(entry) = section.entries.get(child.number) else { continue };
                if entry.relation == relation && known.children.contains(&child.number) {
                    self.entry(section, child, relation);
                }
            }
        }
    }

    fn time(&mut self, written: &WrittenEntry) {
        if !written.time.is_empty() {
            self.empty("effectiveTime", &[("value", &written.time)]);
        } else if !written.period.0.is_empty() || !written.period.1.is_empty() {
            self.open("effectiveTime", &[]);
            for (name, time) in [("low", &written.period.0), ("high", &written.period.1)] {
                if !time.is_empty() {
                    self.empty(name, &[("value", time)]);
                }
            }
            self.close("effectiveTime");
        }
    }

    fn performer(&mut self, written: &WrittenEntry) {
        let Some(person) = &written.performer else { return };
        self.open("performer", &[]);
        self.person("assignedEntity", "2.16.156.10011.1.4", person);
        self.close("performer");
    }

    fn observation(&mut self, known: &'static Entry, written: &WrittenEntry) {
        if !known.code.is_empty() {
            let fee = known.code.starts_with("HDSD");
            let system = if fee { cda::FRONT_PAGE_ELEMENTS } else { cda::DATA_ELEMENTS };
            let system_name = if fee { "住院病案首页基本数据集" } else { "卫生信息数据元目录" };
            self.empty(
                "code",
                &[
                    ("code", known.code),
                    ("displayName", known.name),
                    ("codeSystem", system),
                    ("codeSystemName", system_name),
                ],
            );
        } else {
            self.empty("code", &[]);
        }
        self.time(written);
        self.value(known, &written.value);
        if !written.flag.is_empty() {
            self.empty("interpretationCode", &[("code", &written.flag), ("codeSystem", "2.16.840.1.113883.5.83")]);
        }
        self.performer(written);
    }

    fn value(&mut self, known: &'static Entry, said: &Said) {
        let kind = known.value_type;
        match (kind, said) {
            (_, Said::Nothing) => {}
            ("CD", Said::Code(code, word)) => {
                let table = cda::value_table(known.code);
                let (system, name) = table.map_or(("", ""), |table| (table.system, table.name));
                let all = [
                    ("xsi:type", "CD"),
                    ("code", code),
                    ("displayName", word),
                    ("codeSystem", system),
                    ("codeSystemName", name),
                ];
                let given: Vec<(&str, &str)> = all.into_iter().filter(|(_, value)| !value.is_empty()).collect();
                self.empty("value", &given);
            }
            ("CD", Said::Plain(text) | Said::Quantity(text, _)) => {
                self.value(known, &Said::Code(text.clone(), String::new()));
            }
            ("ST" | "ED" | "", Said::Plain(text) | Said::Quantity(text, _)) => {
                self.text("value", &[("xsi:type", "ST")], text);
            }
            ("ST" | "ED" | "", Said::Code(code, word)) => {
                self.text("value", &[("xsi:type", "ST")], if word.is_empty() { code } else { word });
            }
            ("MO", Said::Plain(amount) | Said::Quantity(amount, _)) => {
                self.empty("value", &[("xsi:type", "MO"), ("value", amount), ("currency", "元")]);
            }
            (_, Said::Quantity(number, unit)) => {
                let unit = if unit.is_empty() { known.unit } else { unit };
                let all = [("xsi:type", kind), ("value", number), ("unit", unit)];
                let given: Vec<(&str, &str)> = all.into_iter().filter(|(_, value)| !value.is_empty()).collect();
                self.empty("value", &given);
            }
            ("PQ", Said::Plain(number)) => self.value(known, &Said::Quantity(number.clone(), String::new())),
            (_, Said::Plain(text) | Said::Code(text, _)) => self.empty("value", &[("xsi:type", kind), ("value", text)]),
        }
    }

    fn range(&mut self, written: &WrittenEntry) {
        let (low, high) = (&written.range.0, &written.range.1);
        if low.is_empty() && high.is_empty() {
            return;
        }
        let unit = match &written.value {
            Said::Quantity(_, unit) => unit.as_str(),
            _ => "",
        };
        self.open("referenceRange", &[]);
        self.open("observationRange", &[]);
        if high.is_empty() && low.parse::<f64>().is_err() {
            self.text("text", &[], low);
        } else {
            self.open("value", &[("xsi:type", "IVL_PQ")]);
            for (name, number) in [("low", low), ("high", high)] {
                if !number.is_empty() {
                    let all = [("value", &**number), ("unit", unit)];
                    let given: Vec<(&str, &str)> = all.into_iter().filter(|(_, value)| !value.is_empty()).collect();
                    self.empty(name, &given);
                }
            }
            self.close("value");
        }
        self.close("observationRange");
        self.close("referenceRange");
    }

    fn drug(&mut self, written: &WrittenEntry) {
        let none = Drug::default();
        let drug = written.drug.as_ref().unwrap_or(&none);
        self.empty("text", &[]);
        self.time(written);
        self.coded("routeCode", "2.16.156.10011.2.3.1.158", &drug.route);
        if !drug.dose.0.is_empty() {
            self.empty("doseQuantity", &[("value", &drug.dose.0), ("unit", &drug.dose.1)]);
        }
        if !drug.frequency.is_empty() {
            self.empty("rateQuantity", &[("unit", &drug.frequency)]);
        }
        self.coded("administrationUnitCode", "2.16.156.10011.2.3.1.211", &drug.form);
        for name in ["consumable", "manufacturedProduct", "manufacturedLabeledDrug"] {
            self.open(name, &[]);
        }
        if drug.code.is_empty() {
            self.empty("code", &[]);
        } else {
            self.empty("code", &[("code", &drug.code)]);
        }
        self.text("name", &[], &drug.name);
        for name in ["manufacturedLabeledDrug", "manufacturedProduct", "consumable"] {
            self.close(name);
        }
        self.performer(written);
    }
}

/// A document with a value in every place of its template: `say` is asked for each, with the section's number.
///
/// Header and numbers are left to the caller.
#[must_use]
pub fn filled(code: &str, say: &mut dyn FnMut(usize, &'static Entry) -> Said) -> Option<Document> {
    let template = cda::document(code).filter(|known| !known.sections.is_empty())?;
    let mut document = Document { code: code.to_owned(), version: 1, ..Document::default() };
    for section in &template.sections {
        let entries: Vec<WrittenEntry> = section.roots().map(|position| fill(section, position, say)).collect();
        document.sections.push(WrittenSection { number: section.number, text: String::new(), entries });
    }
    Some(document)
}

/// One entry of a template with everything that hangs on it.
pub fn fill(
    section: &'static Section,
    position: usize,
    say: &mut dyn FnMut(usize, &'static Entry) -> Said,
) -> WrittenEntry {
    let known = &section.entries[position];
    let mut written = WrittenEntry { number: position, ..WrittenEntry::default() };
    if known.act == "observation" && !known.code.is_empty() || known.act == "procedure" {
        written.value = say(section.number, known);
    }
    if known.act == "substanceAdministration"
        && let Said::Plain(name) | Said::Code(_, name) = say(section.number, known)
    {
        written.drug = Some(Drug { name, ..Drug::default() });
    }
    written.children = known.children.iter().map(|child| fill(section, *child, say)).collect();
    written
}
