//! The decision table: read from `policy/decisions.toml`, checked, and compiled into one cell per
//! role × purpose × type × interaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use model::{Purpose, TypeCode};
use serde::{Deserialize, Deserializer};

use super::{Decision, Duty, NO_RULE, Obligation, TABLE_BROKEN};
use crate::account::Role;
use crate::grants::Interaction;

const TEXT: &str = include_str!("../../policy/decisions.toml");

static TABLE: LazyLock<Result<Table, String>> = LazyLock::new(|| Table::compile(TEXT));

/// One row: who, what, why.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Stable id, written into the audit log.
    pub id: String,
    /// Yes or no; a no wins over every yes.
    pub allow: bool,
    /// Which roles.
    #[serde(deserialize_with = "one_or_all")]
    pub roles: Vec<Role>,
    /// Which interactions.
    #[serde(deserialize_with = "one_or_all")]
    pub interactions: Vec<Interaction>,
    /// Which purposes.
    #[serde(deserialize_with = "one_or_all")]
    pub purposes: Vec<Purpose>,
    /// Which groups of types; `*` is all of them.
    pub groups: Vec<String>,
    /// What must be done along with a yes.
    #[serde(default)]
    pub obligations: Vec<Obligation>,
    /// Why, in Chinese.
    pub zh: String,
    /// Why, in English.
    pub en: String,
}

/// Confidentiality codes that a role does not see for a purpose.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HideRule {
    /// Which roles.
    #[serde(deserialize_with = "one_or_all")]
    pub roles: Vec<Role>,
    /// Which purposes.
    #[serde(deserialize_with = "one_or_all")]
    pub purposes: Vec<Purpose>,
    /// Codes of `v3-Confidentiality`.
    pub labels: Vec<String>,
    /// Why, in Chinese.
    pub zh: String,
    /// Why, in English.
    pub en: String,
}

/// What a ground is looked for in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroundKind {
    /// 当前就诊: the person is being seen now.
    Visit,
    /// 签约: a family-doctor contract in force.
    Contract,
    /// 本人.
    Own,
    /// 代办: a family member whom one acts for.
    Proxy,
    /// 紧急调阅, opened for one person with a reason.
    Emergency,
}

impl GroundKind {
    /// The word in the table and in JSON.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Visit => "visit",
            Self::Contract => "contract",
            Self::Own => "own",
            Self::Proxy => "proxy",
            Self::Emergency => "emergency",
        }
    }
}

/// Why a role may look at a certain person.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroundRule {
    /// Stable id, written into the audit log.
    pub id: String,
    /// What is looked for.
    pub kind: GroundKind,
    /// Which roles.
    #[serde(deserialize_with = "one_or_all")]
    pub roles: Vec<Role>,
    /// For which purposes it holds.
    #[serde(deserialize_with = "one_or_all")]
    pub purposes: Vec<Purpose>,
    /// Of a visit: whole days that it goes on counting behind the day of registration.
    #[serde(default)]
    pub days_after_registration: u16,
    /// Of an emergency: how long it holds.
    #[serde(default)]
    pub minutes: u16,
    /// Whether pages shown on this ground carry a watermark.
    #[serde(default)]
    pub watermark: bool,
    /// Why, in Chinese.
    pub zh: String,
    /// Why, in English.
    pub en: String,
}

/// Who may do work outside FHIR.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DutyRule {
    /// [`Duty::code`].
    pub id: String,
    /// Which roles.
    #[serde(deserialize_with = "one_or_all")]
    pub roles: Vec<Role>,
    /// Whether one may not do it to one's own account.
    #[serde(default)]
    pub not_about_self: bool,
    /// Why, in Chinese.
    pub zh: String,
    /// Why, in English.
    pub en: String,
}

/// Words that a list may use `*` for.
trait Listed: Sized + Copy {
    fn all() -> Vec<Self>;
    fn word(self) -> &'static str;
}

impl Listed for Role {
    fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }
    fn word(self) -> &'static str {
        self.code()
    }
}

impl Listed for Interaction {
    fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }
    fn word(self) -> &'static str {
        self.code()
    }
}

impl Listed for Purpose {
    fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }
    fn word(self) -> &'static str {
        self.code()
    }
}

fn one_or_all<'de, D: Deserializer<'de>, T: Listed>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let words = Vec::<String>::deserialize(deserializer)?;
    if words == ["*"] {
        return Ok(T::all());
    }
    let find = |word: &String| T::all().into_iter().find(|item| item.word() == word);
    words
        .iter()
        .map(|word| find(word).ok_or_else(|| serde::de::Error::custom(format!("unknown word `{word}`"))))
        .collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    groups: BTreeMap<String, Vec<String>>,
    rule: Vec<Rule>,
    hide: Vec<HideRule>,
    ground: Vec<GroundRule>,
    duty: Vec<DutyRule>,
}

struct Table {
    rules: Vec<Rule>,
    hide: Vec<HideRule>,
    grounds: Vec<GroundRule>,
    duties: Vec<DutyRule>,
    /// The types of the group `directory`: they concern no patient.
    directory: BTreeSet<u16>,
    /// Index + 1 of the deciding rule; 0 is none. See [`position`].
    cells: Vec<u16>,
}

impl Table {
    fn compile(text: &str) -> Result<Self, String> {
        let source: Source = toml::from_str(text).map_err(|error| error.to_string())?;
        let groups = group_of_types(&source.groups)?;
        check(&source)?;
        let mut cells =
            vec![0; Role::ALL.len() * Purpose::ALL.len() * TypeCode::all().count() * Interaction::ALL.len()];
        for role in Role::ALL {
            for purpose in Purpose::ALL {
                for type_code in TypeCode::all() {
                    let group = groups.get(&type_code.as_u16()).map_or("", String::as_str);
                    for interaction in Interaction::ALL {
                        cells[position(role, interaction, type_code, purpose)] =
                            deciding_rule(&source.rule, role, interaction, group, purpose);
                    }
                }
            }
        }
        let directory = groups.iter().filter(|(_, group)| *group == "directory").map(|(code, _)| *code).collect();
        Ok(Self {
            rules: source.rule,
            hide: source.hide,
            grounds: source.ground,
            duties: source.duty,
            directory,
            cells,
        })
    }
}

/// Which group every type is in; each must be in exactly one, so that a new type is never left undecided.
fn group_of_types(groups: &BTreeMap<String, Vec<String>>) -> Result<BTreeMap<u16, String>, String> {
    let mut found = BTreeMap::new();
    for (group, types) in groups {
        for type_name in types {
            let code = TypeCode::of(type_name).map_err(|error| error.to_string())?;
            if found.insert(code.as_u16(), group.clone()).is_some() {
                return Err(format!("type {type_name} is in two groups"));
            }
        }
    }
    match TypeCode::all().find(|code| !found.contains_key(&code.as_u16())) {
        Some(missing) => Err(format!("type {missing} is in no group")),
        None => Ok(found),
    }
}

fn check(source: &Source) -> Result<(), String> {
    let mut ids = BTreeSet::new();
    for ground in &source.ground {
        if !ids.insert(ground.id.as_str()) {
            return Err(format!("two rows are called {}", ground.id));
        }
        if (ground.kind == GroundKind::Emergency) != (ground.minutes > 0) {
            return Err(format!("ground {}: an emergency, and nothing else, is counted in minutes", ground.id));
        }
    }
    for rule in &source.rule {
        if !ids.insert(rule.id.as_str()) {
            return Err(format!("two rules are called {}", rule.id));
        }
        if let Some(group) = rule.groups.iter().find(|group| *group != "*" && !source.groups.contains_key(*group)) {
            return Err(format!("rule {} names the unknown group {group}", rule.id));
        }
        if !rule.allow && !rule.obligations.is_empty() {
            return Err(format!("rule {} refuses and still has obligations", rule.id));
        }
    }
    if let Some(label) =
        source.hide.iter().flat_map(|hide| &hide.labels).find(|label| !matches!(label.as_str(), "R" | "V"))
    {
        return Err(format!("label {label} cannot be hidden: only R and V can be granted back"));
    }
    match Duty::ALL.iter().find(|duty| source.duty.iter().filter(|rule| rule.id == duty.code()).count() != 1) {
        Some(duty) => Err(format!("duty {} needs exactly one row", duty.code())),
        None => Ok(()),
    }
}

/// Index + 1 of the first matching no, else of the first matching yes, else 0.
fn deciding_rule(rules: &[Rule], role: Role, interaction: Interaction, group: &str, purpose: Purpose) -> u16 {
    let matches = |rule: &Rule| {
        rule.roles.contains(&role)
            && rule.interactions.contains(&interaction)
            && rule.purposes.contains(&purpose)
            && rule.groups.iter().any(|listed| listed == "*" || listed == group)
    };
    let refusing = rules.iter().position(|rule| !rule.allow && matches(rule));
    let deciding = refusing.or_else(|| rules.iter().position(|rule| rule.allow && matches(rule)));
    deciding.and_then(|index| u16::try_from(index + 1).ok()).unwrap_or(0)
}

fn position(role: Role, interaction: Interaction, type_code: TypeCode, purpose: Purpose) -> usize {
    let types = TypeCode::all().count();
    let row = (role as usize) * Purpose::ALL.len() + (purpose as usize);
    (row * types + usize::from(type_code.as_u16()) - 1) * Interaction::ALL.len() + (interaction as usize)
}

/// What the table alone says.
pub(super) fn cell(role: Role, interaction: Interaction, type_code: TypeCode, purpose: Purpose) -> Decision {
    let Ok(table) = &*TABLE else { return TABLE_BROKEN };
    let number = table.cells.get(position(role, interaction, type_code, purpose)).copied().unwrap_or(0);
    let Some(rule) = usize::from(number).checked_sub(1).and_then(|index| table.rules.get(index)) else {
        return NO_RULE;
    };
    Decision { allow: rule.allow, rule: &rule.id, zh: &rule.zh, en: &rule.en, obligations: &rule.obligations }
}

/// The row of a duty; `None` only when the table is broken.
pub(super) fn duty(duty: Duty) -> Option<&'static DutyRule> {
    duties().iter().find(|rule| rule.id == duty.code())
}

/// Whether resources of this type concern no patient.
pub(super) fn is_directory(type_code: TypeCode) -> bool {
    TABLE.as_ref().is_ok_and(|table| table.directory.contains(&type_code.as_u16()))
}

/// The rules, in the order of the file; for documentation and the portal.
#[must_use]
pub fn rules() -> &'static [Rule] {
    TABLE.as_ref().map_or(&[], |table| &table.rules)
}

/// The rows about hidden labels.
#[must_use]
pub fn hidden() -> &'static [HideRule] {
    TABLE.as_ref().map_or(&[], |table| &table.hide)
}

/// The rows about grounds.
#[must_use]
pub fn grounds() -> &'static [GroundRule] {
    TABLE.as_ref().map_or(&[], |table| &table.grounds)
}

/// The rows about duties.
#[must_use]
pub fn duties() -> &'static [DutyRule] {
    TABLE.as_ref().map_or(&[], |table| &table.duties)
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
