//! A tenant with the road into it, in memory, for tests that send messages.

use std::sync::Arc;

use intake::{Delivery, ProblemState, Receipt, Road, Source};
use model::{Clock, Purpose, SystemClock, TenantId};
use records::{Caller, Records, block_on};
use serde_json::Value;
use store::Store;
use trust::{Account, MasterKey, Role};

pub const TENANT: TenantId = TenantId(1);

pub struct House {
    pub road: Road,
    pub records: Arc<Records>,
    pub caller: Caller,
}

pub fn house() -> House {
    let store = Store::in_memory(store::Options::new(MasterKey::generate())).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let records = Arc::new(Records::new(Arc::clone(&store), Arc::clone(&clock)).unwrap());
    let road = Road::new(Arc::clone(&records), store, clock);
    let mut account = Account::new("source-a", Role::Machine, TENANT);
    account.grants = "system/*.cruds".parse().unwrap();
    let actor = account.actor();
    let filter = trust::scope(&actor, Purpose::Operations).unwrap();
    let caller = Caller {
        actor,
        purpose: Purpose::Operations,
        filter,
        base_url: "http://localhost/fhir/R4".to_owned(),
        strict: true,
        request_id: "test".to_owned(),
    };
    House { road, records, caller }
}

impl House {
    pub fn source(&self, name: &str) -> Source {
        let source = Source {
            name: name.to_owned(),
            number: 0,
            title: name.to_owned(),
            institution: format!("99012110{name}"),
            institutions: Vec::new(),
            account: "source-a".to_owned(),
            is_enabled: true,
            encoding: None,
            code_map: None,
            listen: None,
            branch: None,
            authorities: Vec::new(),
            patient_roots: Vec::new(),
            aliases: std::collections::BTreeMap::new(),
            folder: None,
        };
        self.road.sources().put(TENANT, source).unwrap()
    }

    pub fn send(&self, source: &Source, message: &Value) -> Receipt {
        self.send_bytes(source, message.to_string().as_bytes())
    }

    pub fn send_table(&self, source: &Source, name: &str, text: &str) -> Receipt {
        let delivery = Delivery { bytes: text.as_bytes(), name: Some(name), form: None };
        block_on(self.road.receive(&self.caller, source, delivery)).unwrap()
    }

    pub fn send_bytes(&self, source: &Source, bytes: &[u8]) -> Receipt {
        let delivery = Delivery { bytes, name: None, form: None };
        block_on(self.road.receive(&self.caller, source, delivery)).unwrap()
    }

    pub fn all(&self, query: &str) -> Vec<Value> {
        let (type_name, query) = query.split_once('?').unwrap_or((query, ""));
        let page = self.records.search(&self.caller, Some(type_name), query).unwrap();
        let bundle: Value = serde_json::from_slice(&page.json).unwrap();
        bundle["entry"].as_array().into_iter().flatten().map(|entry| entry["resource"].clone()).collect()
    }

    pub fn versions(&self, resource: &Value) -> Vec<Value> {
        let (type_name, id) = (resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
        let scope = records::HistoryScope::Instance(type_name, id);
        let page = self.records.history(&self.caller, scope, "").unwrap();
        let bundle: Value = serde_json::from_slice(&page.json).unwrap();
        bundle["entry"].as_array().into_iter().flatten().map(|entry| entry["resource"].clone()).collect()
    }

    pub fn one(&self, query: &str) -> Value {
        let found = self.all(query);
        assert_eq!(found.len(), 1, "{query}: {found:?}");
        found.into_iter().next().unwrap()
    }

    /// Takes a set-aside record as it is.
    pub fn release(&self, source: &Source, problem: &str) {
        block_on(self.road.release(&self.caller, source, problem, "administrator", "已与科室核实")).unwrap();
    }

    pub fn problems(&self, source: &Source, state: ProblemState) -> Vec<intake::Problem> {
        self.road.problems(TENANT, source, state, None, 100).unwrap()
    }
}

/// Whether a reference means a resource.
pub fn refers_to(reference: &Value, resource: &Value) -> bool {
    let literal = format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
    reference["reference"] == literal.as_str()
}
