//! A batch: every entry on its own, in the order of the bundle; and the reads of both kinds of bundle.

use model::{ErrorCode, Failure};
use trust::Interaction;

use super::entry::{Address, Entry, Method, Request};
use super::plan::target;
use super::respond::Response;
use crate::history::HistoryScope;
use crate::write::{WriteOptions, check};
use crate::{Caller, Records};

impl Records {
    pub(super) async fn batch(&self, caller: &Caller, entries: Vec<Entry>, options: &WriteOptions) -> Vec<Response> {
        let mut responses = Vec::with_capacity(entries.len());
        for entry in entries {
            let answered = match entry.request {
                Ok(request) if super::is_read(request.method) => self.answer_get(caller, &request),
                Ok(request) => Box::pin(self.answer_write(caller, request, options)).await,
                Err(failure) => Err(failure),
            };
            responses.push(answered.unwrap_or_else(|failure| Response::failed(&failure, options.language)));
        }
        responses
    }

    async fn answer_write(
        &self,
        caller: &Caller,
        mut request: Request,
        options: &WriteOptions,
    ) -> Result<Response, Failure> {
        let unsupported = || Failure::new(ErrorCode::NotSupported, "this method does not go with this address");
        let type_code = request.type_code().ok_or_else(unsupported)?;
        let options = WriteOptions { return_: options.return_, language: options.language, ..request.options.clone() };
        let written = match request.method {
            Method::Post | Method::Put => {
                let is_post = request.method == Method::Post;
                caller.may(if is_post { Interaction::Create } else { Interaction::Update }, type_code)?;
                let missing = || Failure::new(ErrorCode::NotReadable, "`resource` is missing");
                let resource = request.resource.take().ok_or_else(missing)?;
                check(type_code, &resource, "")?;
                if is_post {
                    self.create_value(caller, type_code, resource, &options).await?
                } else {
                    let target = target(&request.address).ok_or_else(unsupported)?;
                    self.update_value(caller, type_code, target, resource, &options).await?
                }
            }
            Method::Patch => {
                let patch = request.patch()?;
                let target = target(&request.address).ok_or_else(unsupported)?;
                self.patch(caller, type_code.name(), target, &patch, &options).await?
            }
            Method::Delete => {
                let target = target(&request.address).ok_or_else(unsupported)?;
                self.delete(caller, type_code.name(), target, &options).await?
            }
            Method::Get | Method::Head => return Err(unsupported()),
        };
        Ok(Response::written(written))
    }

    /// A GET entry: read, vread, history, search or `$everything`, by the same functions as outside a bundle.
    pub(super) fn answer_get(&self, caller: &Caller, request: &Request) -> Result<Response, Failure> {
        let unsupported = || Failure::new(ErrorCode::NotSupported, "`request.url` is no address of a read");
        let Address::Path(segments, query) = &request.address else { return Err(unsupported()) };
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let page = match (segments.as_slice(), query.as_str()) {
            ([type_name, id], "") if !id.starts_with(['_', '$']) => {
                let document = self.read(caller, type_name, id)?;
                return Ok(Response::document(document, &request.known));
            }
            ([type_name, id, "_history", version], "") => {
                let document = self.vread(caller, type_name, id, version)?;
                return Ok(Response::document(document, &request.known));
            }
            ([type_name, id, "_history"], query) => {
                self.history(caller, HistoryScope::Instance(type_name, id), query)?
            }
            ([type_name, "_history"], query) => self.history(caller, HistoryScope::Type(type_name), query)?,
            (["_history"], query) => self.history(caller, HistoryScope::System, query)?,
            (["Patient", id, "$everything"], query) => self.everything(caller, id, query)?,
            ([], query) => self.search(caller, None, query)?,
            ([type_name], query) => self.search(caller, Some(type_name), query)?,
            _ => return Err(unsupported()),
        };
        Ok(Response::page(page))
    }
}
