//! Grounds (调阅依据): why this clinician or resident may look at this person now. Which grounds count for whom is a matter of the
//! decision table (`trust`); here they are found.
//!
//! A ground opens the whole person: every registration that the ledger links, across institutions.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::china::birthday_ms;
use model::{Clock, Failure, Home, Number, Purpose, ResourceKey, Rid, TenantId, TypeCode};
use parking_lot::Mutex;
use records::Records;
use store::Store;
use trust::policy::grounds_for;
use trust::{Actor, GroundKind, GroundRule, Proxy, Relation};

use crate::emergency::Emergencies;
use crate::resident::Resident;
use crate::standing::{Contract, Standing, Visit};

/// From this birthday on nobody acts for somebody because they are their child (民法典 第十七条).
const YEARS_OF_CHILDHOOD: i16 = 18;

/// A ground that was found.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The row of the decision table.
    pub rule: &'static GroundRule,
    /// The resource or account that it was found in, for the audit log: `Encounter/…`, `CareTeam/…`, `account`.
    pub found_in: String,
    /// The registration that it was found at.
    pub registration: Home,
    /// When it ends; never when absent.
    pub until_ms: Option<i64>,
    /// The stated reason of an emergency.
    pub reason: Option<String>,
}

/// The grounds of everybody.
pub struct Grounds {
    records: Arc<Records>,
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    standing: Mutex<Standing>,
    /// Emergency accesses.
    pub emergencies: Emergencies,
}

impl Grounds {
    /// Grounds over records.
    #[must_use]
    pub fn new(records: Arc<Records>, store: Arc<Store>, clock: Arc<dyn Clock>) -> Self {
        let emergencies = Emergencies::new(Arc::clone(&store));
        Self { records, store, clock, standing: Mutex::new(Standing::new()), emergencies }
    }

    /// The registrations that an actor has a ground to see for a purpose: whole persons.
    ///
    /// # Errors
    /// What the store says.
    pub fn registrations(&self, actor: &Actor, purpose: Purpose) -> Result<BTreeSet<Home>, Failure> {
        let mut homes = BTreeSet::new();
        for ground in self.of(actor, purpose)? {
            if !homes.contains(&ground.registration) {
                homes.extend(self.resident_of(actor.tenant, ground.registration)?.registrations);
            }
        }
        Ok(homes)
    }

    /// The ground that an actor has to see one of these registrations, which are one person: the first row of the table that
    /// holds.
    ///
    /// # Errors
    /// What the store says.
    pub fn for_person(&self, actor: &Actor, purpose: Purpose, resident: &Resident) -> Result<Option<Ground>, Failure> {
        let grounds = self.of(actor, purpose)?;
        Ok(grounds.into_iter().find(|ground| resident.registrations.contains(&ground.registration)))
    }

    /// Every ground of an actor for a purpose, in the order of the table.
    ///
    /// # Errors
    /// What the store says.
    pub fn of(&self, actor: &Actor, purpose: Purpose) -> Result<Vec<Ground>, Failure> {
        let now_ms = self.clock.now_ms();
        let mut found = Vec::new();
        for rule in grounds_for(actor.role, purpose) {
            match rule.kind {
                GroundKind::Visit => {
                    let days = rule.days_after_registration;
                    let visits = self.visits(actor, days)?;
                    found.extend(visits.iter().map(|it| ground(rule, &it.key, Some(it.counts_until_ms(days)))));
                }
                GroundKind::Contract => found.extend(self.contracts(actor)?.iter().map(|contract| Ground {
                    registration: contract.registration,
                    ..ground(rule, &contract.key, Some(contract.until_ms))
                })),
                GroundKind::Own => found.extend(actor.patients.iter().map(|home| of_account(rule, *home, None))),
                GroundKind::Proxy => {
                    for proxy in &actor.proxies {
                        let until_ms = self.ends_ms(actor.tenant, proxy)?;
                        if until_ms.is_none_or(|until_ms| now_ms < until_ms) {
                            found.push(of_account(rule, proxy.registration, until_ms));
                        }
                    }
                }
                GroundKind::Emergency => {
                    for (id, emergency) in self.emergencies.open_of(actor, rule.minutes, now_ms)? {
                        found.push(Ground {
                            rule,
                            found_in: format!("emergency {id}"),
                            registration: emergency.registration,
                            until_ms: Some(emergency.until_ms),
                            reason: Some(emergency.reason),
                        });
                    }
                }
            }
        }
        Ok(found)
    }

    /// When somebody no longer acts for another: as the account says, and for a child on the eighteenth birthday at the latest
    /// (民法典 第十七条), whatever was typed in when the account was made.
    fn ends_ms(&self, tenant: TenantId, proxy: &Proxy) -> Result<Option<i64>, Failure> {
        if proxy.relation != Relation::Child {
            return Ok(proxy.until_ms);
        }
        let rid = Rid { type_code: TypeCode::PATIENT, number: Number(proxy.registration.0) };
        let child = self.records.stored(&ResourceKey { tenant, home: proxy.registration, rid })?;
        let grown_up_ms = child.and_then(|child| birthday_ms(child["birthDate"].as_str()?, YEARS_OF_CHILDHOOD));
        Ok(proxy.until_ms.into_iter().chain(grown_up_ms).min())
    }

    /// The visits in progress that a clinician takes part in.
    ///
    /// # Errors
    /// What the store says.
    pub fn visits(&self, actor: &Actor, days_after_registration: u16) -> Result<Vec<Arc<Visit>>, Failure> {
        let now_ms = self.clock.now_ms();
        let mut standing = self.standing.lock();
        standing.follow(&self.records, actor.tenant, now_ms)?;
        Ok(standing.visits(actor, days_after_registration, now_ms))
    }

    /// The contracts in force of a family doctor.
    ///
    /// # Errors
    /// What the store says.
    pub fn contracts(&self, actor: &Actor) -> Result<Vec<Arc<Contract>>, Failure> {
        let now_ms = self.clock.now_ms();
        let mut standing = self.standing.lock();
        standing.follow(&self.records, actor.tenant, now_ms)?;
        Ok(standing.contracts(actor, now_ms))
    }

    /// The resident with this id, of a `Person` or of a `Patient`.
    ///
    /// # Errors
    /// What the store says.
    pub fn resident(&self, tenant: TenantId, id: &str) -> Result<Option<Resident>, Failure> {
        Resident::find(&self.records, &self.store, tenant, id)
    }

    /// The resident that a registration is.
    ///
    /// # Errors
    /// What the store says.
    pub fn resident_of(&self, tenant: TenantId, registration: Home) -> Result<Resident, Failure> {
        Resident::of(&self.records, &self.store, tenant, registration)
    }
}

fn ground(rule: &'static GroundRule, key: &ResourceKey, until_ms: Option<i64>) -> Ground {
    let found_in = format!("{}/{}", key.rid.type_code, Records::assigned_id(key));
    Ground { rule, found_in, registration: key.home, until_ms, reason: None }
}

fn of_account(rule: &'static GroundRule, registration: Home, until_ms: Option<i64>) -> Ground {
    Ground { rule, found_in: "account".to_owned(), registration, until_ms, reason: None }
}
