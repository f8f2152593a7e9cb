//! How a resource is addressed inside the platform: tenant · home · type · number.
//!
//! `home` is the registration (登记, a source's local patient) that a resource belongs to, fixed at creation; resources of
//! nobody (institutions, staff) live in [`Home::SHARED`]. A server-assigned FHIR id prints both halves,
//! `0192f3a4b5c6d7e8-00112233445566778`, so that a read needs no lookup.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One person index, one key ring, one audit chain (租户). It comes from the bearer token, never from the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantId(pub u32);

/// The registration (登记) that a resource belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Home(pub u64);

impl Home {
    /// The home of resources that belong to no registration.
    pub const SHARED: Self = Self(0);
}

/// The second half of a resource's address; random for server-assigned ids, a keyed hash of the id for ids that a client chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Number(pub u64);

/// A FHIR resource type as two bytes in keys. The list only grows; a code is never used again for another type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeCode(u16);

/// A resource type that this platform does not store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("resource type `{0}` is not served here")]
pub struct UnknownType(pub String);

/// Position + 1 is the code in every key of every data folder: append only.
const TYPE_NAMES: [&str; 34] = [
    "Patient",
    "Person",
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "Location",
    "Encounter",
    "Condition",
    "Observation",
    "DiagnosticReport",
    "Procedure",
    "MedicationRequest",
    "Medication",
    "MedicationAdministration",
    "Immunization",
    "AllergyIntolerance",
    "CarePlan",
    "CareTeam",
    "Claim",
    "ExplanationOfBenefit",
    "DocumentReference",
    "ImagingStudy",
    "Device",
    "SupplyDelivery",
    "Provenance",
    "Consent",
    "AuditEvent",
    "Task",
    "ServiceRequest",
    "Composition",
    "ChargeItem",
    "Specimen",
    "RelatedPerson",
    "MedicationDispense",
];

impl TypeCode {
    /// `Patient`: the registration itself.
    pub const PATIENT: Self = Self(1);

    /// The code of a resource type.
    ///
    /// # Errors
    /// [`UnknownType`] when the type is not stored here.
    pub fn of(name: &str) -> Result<Self, UnknownType> {
        TYPE_NAMES
            .iter()
            .position(|known| *known == name)
            .and_then(|position| u16::try_from(position + 1).ok())
            .map(Self)
            .ok_or_else(|| UnknownType(name.to_owned()))
    }

    /// The code in two bytes of a key, if it is one.
    #[must_use]
    pub fn from_u16(code: u16) -> Option<Self> {
        (1..=TYPE_NAMES.len()).contains(&usize::from(code)).then_some(Self(code))
    }

    /// The two bytes of a key.
    #[must_use]
    pub fn as_u16(self) -> u16 {
        self.0
    }

    /// FHIR's name of the type.
    #[must_use]
    pub fn name(self) -> &'static str {
        TYPE_NAMES[usize::from(self.0) - 1]
    }

    /// Every type that is stored here.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..).take(TYPE_NAMES.len()).map(Self)
    }
}

impl fmt::Display for TypeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Type and number: what distinguishes a resource inside its home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rid {
    /// The resource type.
    pub type_code: TypeCode,
    /// The number inside home and type.
    pub number: Number,
}

/// The full address of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceKey {
    /// The tenant.
    pub tenant: TenantId,
    /// The registration it belongs to.
    pub home: Home,
    /// Type and number.
    pub rid: Rid,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_code_finds_its_name_and_back() {
        for code in TypeCode::all() {
            assert_eq!(TypeCode::of(code.name()), Ok(code));
            assert_eq!(TypeCode::from_u16(code.as_u16()), Some(code));
        }
        assert_eq!(TypeCode::PATIENT.name(), "Patient");
        assert_eq!(TypeCode::from_u16(0), None);
        assert_eq!(TypeCode::from_u16(35), None);
    }
}
