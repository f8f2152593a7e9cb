//! The form of the files in `standards/cda/` that say what of a document becomes which part of which FHIR resource.
//!
//! A **fact rule** names the acts that begin a resource, how far the resource reaches (its scope), and its fields. A **field**
//! takes a data element of the scope (or a place in the XML of the beginning act), converts it and puts it at a FHIR path.
//! What no rule takes becomes an `Observation` of its data element, so that nothing is lost.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

/// What of the header is what (`standards/cda/header.toml`).
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// What the roots of identifiers (`2.16.156.10011.1.…`) stand for.
    pub identifier: Vec<IdentifierRoot>,
    /// Which places of the header are which data elements.
    pub element: Vec<HeaderElement>,
    /// Document types that speak about a stay in hospital even when no inpatient number is given.
    pub inpatient: Vec<String>,
    /// 患者类型代码 to the class of a visit.
    pub patient_type: HashMap<String, String>,
}

/// The root of an identifier of a patient, a visit or a paper.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentifierRoot {
    /// Object identifier.
    pub root: String,
    /// What it numbers, as in the systems of an institution: `inpatient`, `medical-record`, `report` …
    pub what: String,
    /// The national system for it, where there is one; else the institution's own.
    #[serde(default)]
    pub system: String,
    /// Whose identifier it is: `patient`, `visit`, `paper`.
    pub of: String,
}

/// A place of the header and the data element that it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderElement {
    /// Data element.
    pub id: String,
    /// Its name in this place.
    pub name: String,
    /// Names of elements below `ClinicalDocument`, with `/` between; `**` reaches any depth of the next name.
    pub path: String,
    /// What is read there: `text`, or the name of an attribute.
    pub take: String,
    /// The `root` that an identifier must have there.
    #[serde(default)]
    pub root: String,
    /// Classes of visit for which it is meant (`OE`); empty: all.
    #[serde(default)]
    pub class: String,
}

/// All fact rules (`standards/cda/*.toml`), in the order in which they are tried.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The rules.
    #[serde(default)]
    pub fact: Vec<FactRule>,
    /// Code tables of the `map:` converter.
    #[serde(default)]
    pub map: HashMap<String, HashMap<String, String>>,
    /// Positions in `fact` of the rules that begin at an element.
    #[serde(skip)]
    by_element: HashMap<String, Vec<usize>>,
    /// Positions in `fact` of the rules that begin at a kind of act.
    #[serde(skip)]
    by_act: HashMap<String, Vec<usize>>,
    /// Positions in `fact` of the rules that begin at a type of value.
    #[serde(skip)]
    by_type: HashMap<String, Vec<usize>>,
}

impl Mapping {
    /// Adds the rules and tables of another file.
    pub(crate) fn join(&mut self, other: Self) {
        self.fact.extend(other.fact);
        self.map.extend(other.map);
    }

    /// Builds the index by what a rule begins at.
    pub(crate) fn index(&mut self) {
        for (position, rule) in self.fact.iter().enumerate() {
            for element in &rule.start {
                self.by_element.entry(element.clone()).or_default().push(position);
            }
            for act in &rule.acts {
                self.by_act.entry(act.clone()).or_default().push(position);
            }
            for value_type in &rule.types {
                self.by_type.entry(value_type.clone()).or_default().push(position);
            }
        }
    }

    /// The rules that may begin at an act with this element, of this kind, with this type of value; in the order of the files.
    #[must_use]
    pub fn candidates(&self, element: &str, act: &str, value_type: &str) -> Vec<&FactRule> {
        let mut positions: Vec<usize> = [
            self.by_element.get(element).filter(|_| !element.is_empty()),
            self.by_act.get(act),
            self.by_type.get(value_type).filter(|_| !value_type.is_empty()),
        ]
        .into_iter()
        .flatten()
        .flatten()
        .copied()
        .collect();
        positions.sort_unstable();
        positions.dedup();
        positions.into_iter().map(|position| &self.fact[position]).collect()
    }
}

/// How far a resource reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// The act where it begins and what hangs on it.
    #[default]
    Act,
    /// The organizer around the act (all that hangs on it); without one, the entries that follow in the section. Ends where
    /// an element that begins the rule comes again.
    Group,
    /// All that hangs on what the act hangs on, whatever that is; else as [`Scope::Group`].
    Siblings,
    /// Everything in the document; such a rule makes one resource, at the end.
    Document,
}

/// One kind of resource that documents speak about.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactRule {
    /// Name of the rule: what `collect` refers to.
    pub name: String,
    /// Document types for which it holds; empty: all.
    #[serde(default)]
    pub documents: Vec<String>,
    /// Codes or names of sections in which it holds; empty: all.
    #[serde(default)]
    pub sections: Vec<String>,
    /// Data elements that begin it.
    #[serde(default)]
    pub start: Vec<String>,
    /// Kinds of act that begin it.
    #[serde(default)]
    pub acts: Vec<String>,
    /// Types of value that begin it.
    #[serde(default)]
    pub types: Vec<String>,
    /// An act that begins it by its kind must have one of these elements hanging directly on it; empty: none needed.
    #[serde(default)]
    pub holds: Vec<String>,
    /// `classCode` that the act must have; empty: any.
    #[serde(default)]
    pub class: String,
    /// The name of the element must hold one of these words; empty: none needed.
    #[serde(default)]
    pub words: Vec<String>,
    /// The name of the element must hold none of these words.
    #[serde(default)]
    pub not_words: Vec<String>,
    /// The value must be one of these codes; empty: any.
    #[serde(default)]
    pub when_value: Vec<String>,
    /// An element of the scope must have one of these values for the rule to hold: `DE06.00.289.00 = ["01"]`.
    #[serde(default)]
    pub when: HashMap<String, Vec<String>>,
    /// How far it reaches.
    #[serde(default)]
    pub scope: Scope,
    /// FHIR type. `Encounter`: the fields go into the visit of the document instead of a new resource.
    pub resource: String,
    /// Kind of claim.
    pub claim: String,
    /// Parts of the key behind the institution: `document`, `item`, `line`, `day`, `sub`, `number:ROOT`, `value:ELEMENT`.
    pub key: Vec<String>,
    /// Kind of claim when a part of the key is empty; its key is document and item.
    #[serde(default)]
    pub fallback: String,
    /// Members that are always there.
    #[serde(default)]
    pub base: Option<Value>,
    /// Fields of which at least one must be filled for the resource to be made (paths as in `to`); empty: none needed.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Members that FHIR allows only with one of some members inside them: `dosage = ["dose"]`. Without it their words move
    /// into an extension.
    #[serde(default)]
    pub only_with: HashMap<String, Vec<String>>,
    /// Its fields.
    #[serde(default)]
    pub field: Vec<Field>,
    /// Other facts of the document that it refers to.
    #[serde(default)]
    pub collect: Vec<Collect>,
}

/// One field of a resource.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Data elements of the scope, the first that is there; each is taken once.
    #[serde(default)]
    pub from: Vec<String>,
    /// The name of the element must hold one of these words.
    #[serde(default)]
    pub words: Vec<String>,
    /// The name of the element must hold none of these words.
    #[serde(default)]
    pub not_words: Vec<String>,
    /// A place in the XML: below the act where the rule begins, or below the element of `from` when that is given too:
    /// `effectiveTime/low@value`, `performer/assignedEntity`.
    #[serde(default)]
    pub at: String,
    /// The identifier of the header with this root.
    #[serde(default)]
    pub number: String,
    /// A time of the header: `author`, `authenticator`.
    #[serde(default)]
    pub header: String,
    /// The value when the document gives none (only text).
    #[serde(default)]
    pub default: String,
    /// Every element that fits is taken, not only the first.
    #[serde(default)]
    pub all: bool,
    /// Looked for in the whole document, and shared by all resources of the rule.
    #[serde(default)]
    pub shared: bool,
    /// The element where the rule begins is looked at too, but stays for a later field.
    #[serde(default)]
    pub keep: bool,
    /// FHIR path: `code.coding[0]`, `note[+]`.
    pub to: String,
    /// Converter, see `formats::cda`.
    #[serde(rename = "as")]
    pub kind: String,
    /// What the converter needs: a system, the name of a map, a unit.
    #[serde(default)]
    pub with: String,
    /// For a place in the XML: the data element that it is.
    #[serde(default)]
    pub element: String,
    /// For a place in the XML: the name of the data element.
    #[serde(default)]
    pub element_name: String,
    /// Members that are put beside the value when it is there.
    #[serde(default)]
    pub beside: Option<Value>,
}

/// References to other facts of the same document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collect {
    /// Name of the rule that made them.
    pub rule: String,
    /// FHIR path that takes the references.
    pub to: String,
    /// Only those that begin inside the act where this one begins.
    #[serde(default)]
    pub inside: bool,
    /// Only the first.
    #[serde(default)]
    pub one: bool,
}
