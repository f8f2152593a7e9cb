//! Custom search parameters, as an administrator adds, lists and retires them.

use std::sync::Arc;

use model::Clock;
use records::{Custom, CustomError, Readiness, Records};
use serde::{Deserialize, Serialize};
use store::Store;

use super::{Reply, Request, apply, tenant};
use crate::app::App;
use crate::reindexing::Reindexing;

/// What is said when the index is to be built and no server runs.
const BUILT_LATER: &str = "the index is built with it when a server starts, or by `kangmai admin reindex`";
/// What is said when the server begins to build.
const BUILT_NOW: &str =
    "the server builds the index with it now; `kangmai admin search-parameter list` says when it answers";

/// One line of the list of custom search parameters.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SearchParameterLine {
    /// The name in the query string.
    pub code: String,
    /// `ready`, `building` or `broken`.
    pub readiness: String,
    /// `SearchParameter.type`.
    pub kind: String,
    /// The types searched, separated by commas.
    pub bases: String,
    /// `compiled` or `interpreted`.
    pub evaluation: String,
    /// Evaluations that failed since the server began: what they were about is not found.
    pub failures: u64,
    /// Where it is defined.
    pub url: String,
    /// The expression as it was given.
    pub expression: String,
}

/// In a server that runs: with its records, and the index is built at once.
pub(super) fn in_server(app: &Arc<App>, request: &Request) -> Reply {
    let done = act(&app.records, request, BUILT_NOW);
    if done.is_ok()
        && !matches!(request, Request::ListSearchParameters { .. })
        && let Err(error) = Reindexing::begin(app)
    {
        tracing::error!(%error, "the reindex cannot be started; say `kangmai admin reindex`");
    }
    apply::noted(&app.store, &*app.clock, request, done)
}

/// In a folder that no server holds.
pub(super) fn in_folder(store: &Arc<Store>, clock: Arc<dyn Clock>, request: &Request) -> Result<Reply, String> {
    let records = Records::for_reindex(Arc::clone(store), clock).map_err(|error| error.to_string())?;
    act(&records, request, BUILT_LATER)
}

fn act(records: &Records, request: &Request, when: &str) -> Result<Reply, String> {
    let words = |error: CustomError| error.to_string();
    match request {
        Request::AddSearchParameter { tenant: number, definition } => {
            let added = records.add_custom_parameter(tenant(*number)?, definition.as_bytes()).map_err(words)?;
            Ok(Reply::Text(format!("`{}` is added; {when}", added.code)))
        }
        Request::RetireSearchParameter { tenant: number, name } => {
            let retired = records.retire_custom_parameter(tenant(*number)?, name).map_err(words)?;
            Ok(Reply::Text(format!("`{}` is retired: it is unknown from now on", retired.code)))
        }
        Request::ListSearchParameters { tenant: number } => {
            let found = records.custom_parameters(tenant(*number)?).map_err(|failure| failure.to_string())?;
            Ok(Reply::SearchParameters(found.into_iter().map(line).collect()))
        }
        _ => Err("this is about no search parameter".to_owned()),
    }
}

fn line(custom: Custom) -> SearchParameterLine {
    let readiness = match custom.readiness {
        Readiness::Ready => "ready",
        Readiness::Building => "building",
        Readiness::Broken => "broken",
    };
    let parameter = custom.parameter;
    SearchParameterLine {
        readiness: readiness.to_owned(),
        kind: records::parameters::kind_name(parameter.kind).to_owned(),
        bases: parameter.bases.join(","),
        evaluation: if custom.is_interpreted { "interpreted" } else { "compiled" }.to_owned(),
        failures: custom.failures,
        code: parameter.code,
        url: parameter.url,
        expression: parameter.expression,
    }
}

/// What the audit log says an added definition was about: the name that it gives itself, as far as it is one.
pub(super) fn name_in(definition: &str) -> Option<String> {
    let read: serde_json::Value = serde_json::from_str(definition).ok()?;
    let code = read["code"].as_str()?;
    let is_name = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_graphic());
    is_name.then(|| format!("add {code}"))
}
