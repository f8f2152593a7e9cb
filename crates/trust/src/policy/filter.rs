//! [`Filter`]: what one request may see, small enough to enter every plan.

use std::collections::BTreeSet;

use model::{Home, Purpose, TypeCode};

use super::{Denied, NOT_GRANTED, decide_code, needs_ground, table};
use crate::account::{Actor, Role};
use crate::grants::Interaction;

/// The code system of the labels in [`Filter::hidden_labels`] (HL7 v3 Confidentiality, the value set of R4's `meta.security`).
pub const CONFIDENTIALITY_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";

/// Whose records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Patients {
    /// Everybody's in the tenant.
    All,
    /// Only these registrations', and the directory (institutions, staff, medicines), which is nobody's.
    Only(BTreeSet<Home>),
}

/// What a request may see. Made by [`super::scope`] only, so that nobody can forget a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    readable: TypeSet,
    searchable: TypeSet,
    patients: Patients,
    hidden_labels: Vec<(&'static str, &'static str)>,
}

/// One bit per type code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct TypeSet(u64);

impl TypeSet {
    const fn bit(type_code_number: u16) -> u64 {
        1 << (type_code_number & 63)
    }

    fn contains(self, type_code: TypeCode) -> bool {
        self.0 & Self::bit(type_code.as_u16()) != 0
    }

    fn where_allowed(allows: impl Fn(TypeCode) -> bool) -> Self {
        Self(TypeCode::all().filter(|code| allows(*code)).fold(0, |set, code| set | Self::bit(code.as_u16())))
    }

    fn is_everything(self) -> bool {
        self == Self::where_allowed(|_| true)
    }
}

impl Filter {
    /// The filter of the platform's own work (reindex, verification, jobs). Never for a request.
    #[must_use]
    pub fn unrestricted() -> Self {
        let everything = TypeSet::where_allowed(|_| true);
        Self { readable: everything, searchable: everything, patients: Patients::All, hidden_labels: Vec::new() }
    }

    /// The filter of work that is no access to records: it shows nothing.
    #[must_use]
    pub fn nothing() -> Self {
        let none = TypeSet::default();
        Self { readable: none, searchable: none, patients: Patients::Only(BTreeSet::new()), hidden_labels: Vec::new() }
    }

    /// The filter of finding somebody by an exact number without seeing a record: registrations of everybody, nothing else. The
    /// caller shows a masked identity only (duty `find-person`).
    #[must_use]
    pub fn identities() -> Self {
        let patients = TypeSet::where_allowed(|code| code == TypeCode::PATIENT);
        Self { readable: patients, searchable: patients, patients: Patients::All, hidden_labels: Vec::new() }
    }

    pub(super) fn of(actor: &Actor, purpose: Purpose) -> Result<Self, Denied> {
        let allowed = |interaction, code| decide_code(actor, interaction, code, purpose).allow;
        let readable = TypeSet::where_allowed(|code| allowed(Interaction::Read, code));
        let searchable = TypeSet::where_allowed(|code| allowed(Interaction::Search, code));
        let writes = [Interaction::Create, Interaction::Update, Interaction::Delete];
        let may_write = || writes.into_iter().any(|write| TypeCode::all().any(|code| allowed(write, code)));
        if readable == TypeSet::default() && searchable == TypeSet::default() && !may_write() {
            return Err(why_nothing(actor, purpose));
        }
        let is_bound = actor.role == Role::Resident || actor.grants.is_patient_bound() || needs_ground(actor);
        let patients = if is_bound { Patients::Only(actor.patients.clone()) } else { Patients::All };
        Ok(Self { readable, searchable, patients, hidden_labels: hidden_labels(actor, purpose) })
    }

    /// Whether single resources of this type may be read.
    #[must_use]
    pub fn types_readable(&self, type_name: &str) -> bool {
        TypeCode::of(type_name).is_ok_and(|code| self.is_readable(code))
    }

    /// Whether this type may be searched, chained through, and included.
    #[must_use]
    pub fn types_searchable(&self, type_name: &str) -> bool {
        TypeCode::of(type_name).is_ok_and(|code| self.is_searchable(code))
    }

    /// As [`Filter::types_readable`], for a type that is already a code.
    #[must_use]
    pub fn is_readable(&self, type_code: TypeCode) -> bool {
        self.readable.contains(type_code)
    }

    /// As [`Filter::types_searchable`], for a type that is already a code.
    #[must_use]
    pub fn is_searchable(&self, type_code: TypeCode) -> bool {
        self.searchable.contains(type_code)
    }

    /// Whose records.
    #[must_use]
    pub fn patients(&self) -> &Patients {
        &self.patients
    }

    /// Whether a resource of this type in this home may be seen, as far as [`Filter::patients`] goes. A patient-bound
    /// actor sees of [`Home::SHARED`] the directory only: an observation without a subject is nobody's to show.
    #[must_use]
    pub fn admits(&self, type_code: TypeCode, home: Home) -> bool {
        match &self.patients {
            Patients::All => true,
            Patients::Only(homes) if home == Home::SHARED => table::is_directory(type_code),
            Patients::Only(homes) => homes.contains(&home),
        }
    }

    /// `meta.security` codings (system, code) whose resources do not exist for this actor.
    #[must_use]
    pub fn hidden_labels(&self) -> &[(&'static str, &'static str)] {
        &self.hidden_labels
    }

    /// Whether a resource with this `meta.security` coding is hidden.
    #[must_use]
    pub fn hides(&self, system: &str, code: &str) -> bool {
        self.hidden_labels.iter().any(|(hidden_system, hidden_code)| *hidden_system == system && *hidden_code == code)
    }

    /// Whether every type of everybody may be read and searched with no label hidden: a plan needs no extra step then.
    #[must_use]
    pub fn is_unrestricted(&self) -> bool {
        self.patients == Patients::All
            && self.hidden_labels.is_empty()
            && self.readable.is_everything()
            && self.searchable.is_everything()
    }
}

/// The labels of the table's rows for this role and purpose, without those that the grants open.
fn hidden_labels(actor: &Actor, purpose: Purpose) -> Vec<(&'static str, &'static str)> {
    let rows = table::hidden().iter().filter(|row| row.roles.contains(&actor.role) && row.purposes.contains(&purpose));
    let codes: BTreeSet<&'static str> = rows.flat_map(|row| row.labels.iter().map(String::as_str)).collect();
    codes
        .into_iter()
        .filter(|code| !actor.grants.opens_label(code))
        .map(|code| (CONFIDENTIALITY_SYSTEM, code))
        .collect()
}

/// The reason of the first thing that was granted and still refused; without grants, that nothing was granted.
fn why_nothing(actor: &Actor, purpose: Purpose) -> Denied {
    let granted = TypeCode::all()
        .flat_map(|code| Interaction::ALL.map(|interaction| (code, interaction)))
        .find(|(code, interaction)| actor.grants.allows_code(*code, *interaction));
    let decision = granted
        .map(|(code, interaction)| decide_code(actor, interaction, code, purpose))
        .filter(|decision| !decision.allow)
        .unwrap_or(NOT_GRANTED);
    Denied { rule: decision.rule, zh: decision.zh, en: decision.en }
}
