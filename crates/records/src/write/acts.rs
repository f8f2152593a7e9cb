//! The four acts of the write side, as plans on a [`Draft`] (bundles use them too) and as public functions.

use model::{ErrorCode, Failure, TypeCode};
use serde_json::Value;
use trust::Interaction;

use super::draft::{Draft, Place, Saved};
use super::references::{self, Rewriter};
use super::{Target, WriteOptions, Written, check, is_error, read_body};
use crate::load::{is_id, not_found, type_code_of};
use crate::resource::Stored;
use crate::{Caller, Records};

/// The version that an `If-Match` header names: `W/"3"`, `"3"` or `3`.
///
/// # Errors
/// `PreconditionFailed`: a version that we cannot have written matches nothing.
fn version_of(if_match: &str) -> Result<u32, Failure> {
    let text = if_match.trim();
    let text = text.strip_prefix("W/").unwrap_or(text).trim_matches('"');
    text.parse()
        .map_err(|_| Failure::new(ErrorCode::PreconditionFailed, "If-Match does not name a version of this server"))
}

/// Whether what is there is what the client saw.
pub(crate) fn check_if_match(options: &WriteOptions, stored: Option<&Stored>) -> Result<(), Failure> {
    let Some(if_match) = &options.if_match else { return Ok(()) };
    let expected = version_of(if_match)?;
    match stored {
        Some(stored) if stored.version == expected => Ok(()),
        Some(stored) => {
            Err(Failure::new(ErrorCode::PreconditionFailed, format!("the current version is {}", stored.version)))
        }
        None => Err(Failure::new(ErrorCode::PreconditionFailed, "there is no current version")),
    }
}

/// Makes the references of a single write literal: our own absolute addresses become relative, conditional ones are looked up.
struct Literal<'r, 'd>(&'r mut Draft<'d>);

impl Rewriter for Literal<'_, '_> {
    fn reference(&mut self, text: &str) -> Result<Option<String>, Failure> {
        if let Some(rest) = relative(&self.0.caller.base_url, text) {
            return Ok(Some(rest.to_owned()));
        }
        if text.contains('?') { self.0.resolve(text) } else { Ok(None) }
    }

    fn link(&mut self, _text: &str) -> Option<String> {
        None
    }

    fn has_links(&self) -> bool {
        false
    }
}

/// The part after our own base address, so that a resource is found the same whichever way it was referred to.
pub(crate) fn relative<'t>(base_url: &str, text: &'t str) -> Option<&'t str> {
    text.strip_prefix(base_url)?.strip_prefix('/')
}

/// `id` of a resource, if it has one.
fn id_of(resource: &Value) -> Option<&str> {
    resource.get("id").and_then(Value::as_str)
}

impl Draft<'_> {
    fn make_literal(&mut self, resource: &mut Value) -> Result<(), Failure> {
        references::rewrite(resource, &mut Literal(self))
    }

    /// Create, plain or conditional.
    pub(crate) fn create(
        &mut self,
        type_code: TypeCode,
        resource: &mut Value,
        options: &WriteOptions,
    ) -> Result<Saved, Failure> {
        if let Some(condition) = &options.if_none_exist
            && let Some(stored) = self.find_one(type_code, condition)?
        {
            return Ok(self.unchanged(&stored));
        }
        self.make_literal(resource)?;
        let home = super::home::home_of(&self.tenant_keys, type_code, resource);
        let place = self.new_place(type_code, home)?;
        self.put(place, resource)
    }

    /// Update by id or by condition, creating what is not there.
    pub(crate) fn update(
        &mut self,
        type_code: TypeCode,
        target: Target<'_>,
        resource: &mut Value,
        options: &WriteOptions,
    ) -> Result<Saved, Failure> {
        self.make_literal(resource)?;
        let place = self.update_place(type_code, target, resource)?;
        match &place {
            Place::Existing(stored) => check_if_match(options, Some(stored))?,
            Place::New { .. } => {
                check_if_match(options, None)?;
                self.caller.may(Interaction::Create, type_code)?;
            }
        }
        self.put(place, resource)
    }

    /// Where an update goes (http.html#update, #cond-update).
    fn update_place(&mut self, type_code: TypeCode, target: Target<'_>, resource: &Value) -> Result<Place, Failure> {
        let bad = |detail: String| Err(Failure::new(ErrorCode::NotReadable, detail));
        match target {
            Target::Id(id) => match id_of(resource) {
                _ if !is_id(id) => bad("the id in the address does not follow FHIR's grammar of ids".to_owned()),
                Some(given) if given == id => self.place_of(type_code, id, resource),
                Some(_) => bad(format!("the id of the {type_code} is not the id in the address")),
                None => bad(format!("the {type_code} has no id")),
            },
            Target::Condition(query) => {
                let found = self.find_one(type_code, query)?;
                match (found, id_of(resource).map(str::to_owned)) {
                    (Some(stored), Some(id)) if stored.id() != id => {
                        bad(format!("the {type_code} that matches has another id"))
                    }
                    (Some(stored), _) => Ok(Place::Existing(stored)),
                    (None, None) => {
                        let home = super::home::home_of(&self.tenant_keys, type_code, resource);
                        self.new_place(type_code, home)
                    }
                    (None, Some(id)) if !is_id(&id) => bad("the id does not follow FHIR's grammar of ids".to_owned()),
                    (None, Some(id)) => match self.place_of(type_code, &id, resource)? {
                        Place::Existing(stored) if !stored.is_deleted() => {
                            let detail = format!("nothing matches, but {type_code}/{id} is there");
                            Err(Failure::new(ErrorCode::Conflict, detail))
                        }
                        place => Ok(place),
                    },
                }
            }
        }
    }

    /// JSON Patch on what is there.
    pub(crate) fn patch(
        &mut self,
        type_code: TypeCode,
        target: Target<'_>,
        patch: &[u8],
        options: &WriteOptions,
    ) -> Result<Saved, Failure> {
        let stored = match target {
            Target::Id(id) => self.existing(type_code, id)?.ok_or_else(|| not_found(type_code, id))?,
            Target::Condition(query) => self
                .find_one(type_code, query)?
                .ok_or_else(|| Failure::new(ErrorCode::NotFound, format!("no {type_code} matches the condition")))?,
        };
        if stored.is_deleted() {
            return Err(Failure::new(ErrorCode::Gone, format!("{type_code}/{}", stored.id())));
        }
        check_if_match(options, Some(&stored))?;
        let mut resource = patched(&stored, patch)?;
        self.make_literal(&mut resource)?;
        self.put(Place::Existing(stored), &resource)
    }

    /// Delete by id or by condition; what is not there is already deleted. `None`: there never was anything.
    pub(crate) fn remove(
        &mut self,
        type_code: TypeCode,
        target: Target<'_>,
        options: &WriteOptions,
    ) -> Result<Option<Saved>, Failure> {
        let stored = match target {
            Target::Id(id) => self.existing(type_code, id)?,
            Target::Condition(query) => self.find_one(type_code, query)?,
        };
        check_if_match(options, stored.as_ref())?;
        stored.map(|stored| self.delete(&stored)).transpose()
    }
}

/// The resource after a patch that leaves its identity alone.
pub(crate) fn patched(stored: &Stored, patch: &[u8]) -> Result<Value, Failure> {
    let type_code = stored.key.rid.type_code;
    let mut resource = stored.value()?;
    formats::fhir::apply_json_patch(&mut resource, patch).map_err(|issues| {
        // FHIR wants 422 for a patch that does not apply; what is no JSON Patch at all is 400.
        let is_form = issues.iter().any(|issue| is_error(issue) && !issue.path.starts_with("patch["));
        let code = if is_form { ErrorCode::NotReadable } else { ErrorCode::Unprocessable };
        Failure::new(code, "the patch cannot be applied").with_issues(issues)
    })?;
    if id_of(&resource) != Some(stored.id()) {
        return Err(Failure::new(ErrorCode::Unprocessable, "a patch cannot change the id"));
    }
    check(type_code, &resource, "")?;
    Ok(resource)
}

impl Records {
    /// FHIR `create`; with `if_none_exist` conditional: one match answers 200 with that match and stores nothing.
    ///
    /// # Errors
    /// `Forbidden`, `NotReadable`, `Unprocessable`, `MultipleMatches`, `PreconditionFailed` (a conditional reference
    /// that matches nothing), `Conflict`.
    pub async fn create(
        &self,
        caller: &Caller,
        type_name: &str,
        body: &[u8],
        options: &WriteOptions,
    ) -> Result<Written, Failure> {
        let type_code = type_code_of(type_name)?;
        caller.may(Interaction::Create, type_code)?;
        let resource = read_body(type_code, body)?;
        self.create_value(caller, type_code, resource, options).await
    }

    pub(crate) async fn create_value(
        &self,
        caller: &Caller,
        type_code: TypeCode,
        mut resource: Value,
        options: &WriteOptions,
    ) -> Result<Written, Failure> {
        let plan = |draft: &mut Draft<'_>| draft.create(type_code, &mut resource, options);
        self.write_with(caller, options.return_, plan).await.map(Written::of)
    }

    /// FHIR `update`; an unknown id is created under that id. With a condition: FHIR's conditional update.
    ///
    /// # Errors
    /// As [`Records::create`]; `NotFound` when the id is there but hidden; `PreconditionFailed` when `if_match` names
    /// another version.
    pub async fn update(
        &self,
        caller: &Caller,
        type_name: &str,
        target: Target<'_>,
        body: &[u8],
        options: &WriteOptions,
    ) -> Result<Written, Failure> {
        let type_code = type_code_of(type_name)?;
        caller.may(Interaction::Update, type_code)?;
        let resource = read_body(type_code, body)?;
        self.update_value(caller, type_code, target, resource, options).await
    }

    pub(crate) async fn update_value(
        &self,
        caller: &Caller,
        type_code: TypeCode,
        target: Target<'_>,
        mut resource: Value,
        options: &WriteOptions,
    ) -> Result<Written, Failure> {
        let plan = |draft: &mut Draft<'_>| draft.update(type_code, target, &mut resource, options);
        self.write_with(caller, options.return_, plan).await.map(Written::of)
    }

    /// FHIR `patch` with `application/json-patch+json`.
    ///
    /// # Errors
    /// As [`Records::update`]; `NotFound`, `Gone`; `NotReadable` when the body is no JSON Patch, `Unprocessable` when it
    /// does not apply.
    pub async fn patch(
        &self,
        caller: &Caller,
        type_name: &str,
        target: Target<'_>,
        patch: &[u8],
        options: &WriteOptions,
    ) -> Result<Written, Failure> {
        let type_code = type_code_of(type_name)?;
        caller.may(Interaction::Update, type_code)?;
        let plan = |draft: &mut Draft<'_>| draft.patch(type_code, target, patch, options);
        self.write_with(caller, options.return_, plan).await.map(Written::of)
    }

    /// FHIR `delete`: always 204, also for what is not there or was deleted before.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound` when it is hidden, `MultipleMatches`, `PreconditionFailed`, `Conflict`.
    pub async fn delete(
        &self,
        caller: &Caller,
        type_name: &str,
        target: Target<'_>,
        options: &WriteOptions,
    ) -> Result<Written, Failure> {
        let type_code = type_code_of(type_name)?;
        caller.may(Interaction::Delete, type_code)?;
        let plan = |draft: &mut Draft<'_>| draft.remove(type_code, target, options);
        let removed = self.write_with(caller, options.return_, plan).await?;
        Ok(removed.map_or_else(|| Written::of_nothing(type_code, target), Written::of))
    }
}

impl Written {
    /// The deletion of something that never was.
    pub(crate) fn of_nothing(type_code: TypeCode, target: Target<'_>) -> Self {
        let id = match target {
            Target::Id(id) if is_id(id) => id.to_owned(),
            _ => String::new(),
        };
        Self {
            status: 204,
            id,
            type_name: type_code.name(),
            version: 0,
            last_updated_ms: 0,
            document: None,
            disclosed: Vec::new(),
        }
    }
}
