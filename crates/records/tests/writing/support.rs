//! A store in memory, a clock that stands still, and callers.

use std::path::PathBuf;
use std::sync::Arc;

use ::model::{ErrorCode, Failure, FixedClock, Purpose, TenantId};
use records::{Caller, Page, Records, Return, Target, WriteOptions, Written, block_on};
use serde_json::Value;
use store::{Options, Store};
use trust::{Actor, MasterKey, Role};

pub const BASE_URL: &str = "http://localhost/fhir/R4";
/// 2026-01-01T00:00:00Z
pub const NOW_MS: i64 = 1_767_225_600_000;

pub struct World {
    pub records: Records,
    pub store: Arc<Store>,
    pub clock: Arc<FixedClock>,
    pub caller: Caller,
}

/// An empty world with a machine account that may do everything.
pub fn world() -> World {
    let clock = Arc::new(FixedClock::at(NOW_MS));
    let store = Store::in_memory(Options::new(MasterKey::from_bytes([7; 32]))).unwrap();
    let records = Records::new(Arc::clone(&store), clock.clone()).unwrap();
    World {
        records,
        store,
        clock,
        caller: caller(TenantId(1), Role::Machine, "system/*.cruds label/R label/V", Purpose::Operations, &[]),
    }
}

/// A caller with these grants, bound to these homes.
pub fn caller(tenant: TenantId, role: Role, grants: &str, purpose: Purpose, homes: &[::model::Home]) -> Caller {
    let actor = Actor {
        name: "tester".to_owned(),
        role,
        tenant,
        institution: None,
        department: None,
        staff_number: None,
        proxies: Vec::new(),
        grants: grants.parse().unwrap(),
        patients: homes.iter().copied().collect(),
    };
    let filter = trust::scope(&actor, purpose).unwrap();
    let base_url = BASE_URL.to_owned();
    Caller { actor, purpose, filter, base_url, strict: true, request_id: "r1".to_owned() }
}

impl World {
    pub fn create(&self, resource: &Value) -> Result<Written, Failure> {
        let type_name = resource["resourceType"].as_str().unwrap();
        let body = resource.to_string();
        block_on(self.records.create(&self.caller, type_name, body.as_bytes(), &WriteOptions::default()))
    }

    pub fn put(&self, resource: &Value) -> Result<Written, Failure> {
        self.put_as(&self.caller, resource)
    }

    pub fn put_as(&self, caller: &Caller, resource: &Value) -> Result<Written, Failure> {
        let (type_name, id) = (resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
        let options = WriteOptions { return_: Return::Representation, ..WriteOptions::default() };
        block_on(self.records.update(caller, type_name, Target::Id(id), resource.to_string().as_bytes(), &options))
    }

    pub fn delete(&self, type_name: &str, id: &str) -> Result<Written, Failure> {
        block_on(self.records.delete(&self.caller, type_name, Target::Id(id), &WriteOptions::default()))
    }

    pub fn read(&self, type_name: &str, id: &str) -> Result<Value, Failure> {
        self.records.read(&self.caller, type_name, id).map(|document| json_of(&document.json))
    }

    pub fn bundle(&self, bundle: &Value) -> Result<Value, Failure> {
        self.bundle_page(bundle.to_string().as_bytes()).map(|page| json_of(&page.json))
    }

    pub fn bundle_page(&self, body: &[u8]) -> Result<Page, Failure> {
        block_on(self.records.bundle(&self.caller, body, &WriteOptions::default()))
    }

    pub fn total(&self, type_name: &str, query: &str) -> u64 {
        let query = if query.is_empty() { "_summary=count".to_owned() } else { format!("{query}&_summary=count") };
        let page = self.records.search(&self.caller, Some(type_name), &query).unwrap();
        json_of(&page.json)["total"].as_u64().unwrap()
    }

    /// Number of rows in every keyspace: two equal counts around a failed act mean that it left nothing behind.
    pub fn row_counts(&self) -> Vec<usize> {
        let snapshot = self.store.snapshot();
        store::Keyspace::ALL
            .iter()
            .map(|keyspace| {
                let mut cursor = snapshot.scan(*keyspace, &[], &[]);
                let mut rows = 0;
                while cursor.next().unwrap().is_some() {
                    rows += 1;
                }
                rows
            })
            .collect()
    }
}

pub fn json_of(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

pub fn code_of<T: std::fmt::Debug>(result: Result<T, Failure>) -> ErrorCode {
    result.unwrap_err().code
}

/// The synthetic patients of the repository, institutions and staff first.
pub fn samples() -> Vec<(String, Vec<u8>)> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../samples/synthea");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "zst"));
    paths.sort();
    let read = |path: &PathBuf| zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap();
    paths.iter().map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), read(path))).collect()
}
