//! [`Purpose`]: why somebody looks at a record (调阅目的).

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Purpose of use (调阅目的); the codes are HL7 v3 `PurposeOfUse`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Purpose {
    /// 诊疗: treatment of the person looked at.
    #[default]
    #[serde(rename = "TREAT")]
    Treatment,
    /// 紧急调阅: emergency treatment, reviewed afterwards.
    #[serde(rename = "ETREAT")]
    EmergencyTreatment,
    /// 业务运行: exchange between systems, quality work, benchmarks.
    #[serde(rename = "HOPERAT")]
    Operations,
    /// 公共卫生.
    #[serde(rename = "PUBHLTH")]
    PublicHealth,
    /// 本人查询: at the request of the person.
    #[serde(rename = "PATRQT")]
    PersonRequest,
    /// 科研.
    #[serde(rename = "HRESCH")]
    Research,
}

/// A purpose code that is not one of [`Purpose::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown purpose `{0}`; known: TREAT, ETREAT, HOPERAT, PUBHLTH, PATRQT, HRESCH")]
pub struct UnknownPurpose(pub String);

impl Purpose {
    /// Every purpose, in the order in which people choose.
    pub const ALL: [Self; 6] = [
        Self::Treatment,
        Self::EmergencyTreatment,
        Self::Operations,
        Self::PublicHealth,
        Self::PersonRequest,
        Self::Research,
    ];

    /// The HL7 v3 code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Treatment => "TREAT",
            Self::EmergencyTreatment => "ETREAT",
            Self::Operations => "HOPERAT",
            Self::PublicHealth => "PUBHLTH",
            Self::PersonRequest => "PATRQT",
            Self::Research => "HRESCH",
        }
    }

    /// What people read: Chinese, English.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Treatment => ("诊疗", "treatment"),
            Self::EmergencyTreatment => ("紧急调阅", "emergency treatment"),
            Self::Operations => ("业务运行", "operations"),
            Self::PublicHealth => ("公共卫生", "public health"),
            Self::PersonRequest => ("本人查询", "request of the person"),
            Self::Research => ("科研", "research"),
        }
    }
}

impl FromStr for Purpose {
    type Err = UnknownPurpose;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|purpose| purpose.code() == code).ok_or_else(|| UnknownPurpose(code.to_owned()))
    }
}
