//! The routes of [`super`].

use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::{Path as UrlPath, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, GetOptions, GetResult, ObjectMeta, ObjectStore as _, ObjectStoreExt as _,
    PutMultipartOptions, PutOptions, PutPayload, WriteMultipart,
};
use serde::{Deserialize, Serialize};

use super::path::{self, Refused};
use super::{Media, range};

/// Larger files go in parts of this size, in bytes.
const PART: usize = 8 << 20;
/// Parts on their way at once; with the one that is filled, this bounds the memory of an upload.
const PARTS_AT_ONCE: usize = 2;
/// As nginx says of files on a volume. A new file of an old name is rare, and `WordPress` gives it another one.
const CACHE_CONTROL: &str = "public, max-age=2592000";
/// What a listing answers at most.
const LONGEST_LISTING: usize = 10_000;

/// Why a request is not answered as it was asked.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Refuse(#[from] Refused),
    #[error("failed to find a part of the file in that range")]
    Satisfy { size: u64 },
    #[error("failed to receive the file")]
    Receive(#[source] axum::Error),
    #[error("failed to ask the bucket")]
    Ask(#[from] object_store::Error),
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        use object_store::Error as Store;
        let status = match &self {
            Self::Refuse(_) | Self::Receive(_) => StatusCode::BAD_REQUEST,
            Self::Satisfy { size } => {
                let range = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
                return (StatusCode::RANGE_NOT_SATISFIABLE, range, format!("{self}\n")).into_response();
            }
            Self::Ask(Store::NotModified { .. }) => return StatusCode::NOT_MODIFIED.into_response(),
            // Readers see these texts: without the bucket's name and key.
            Self::Ask(Store::NotFound { .. }) => return (StatusCode::NOT_FOUND, "not found\n").into_response(),
            Self::Ask(Store::Precondition { .. }) => return StatusCode::PRECONDITION_FAILED.into_response(),
            Self::Ask(error) => {
                tracing::warn!(error = error as &dyn std::error::Error, "Failed to ask the bucket");
                StatusCode::BAD_GATEWAY
            }
        };
        (status, format!("{self}\n")).into_response()
    }
}

/// The routes of uploads.
pub fn router(media: Media) -> Router {
    Router::new()
        .route("/media/{*path}", get(read).put(write).delete(remove))
        .route("/media-list", get(list))
        .with_state(media)
}

async fn read(
    State(media): State<Media>,
    UrlPath(path): UrlPath<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let key = path::key(&media.prefix, &path)?;
    let head = method == Method::HEAD;
    let options = range::options(&headers, head);
    let asked = options.range.clone();
    let found = match media.store.get_opts(&key, options).await {
        Ok(found) => found,
        Err(error @ object_store::Error::Generic { .. }) => {
            // The store does not tell a range that the file has not from other failures.
            let Some(range) = asked else { return Err(error.into()) };
            let whole = GetOptions { head: true, ..GetOptions::default() };
            let size = media.store.get_opts(&key, whole).await?.meta.size;
            return Err(if range::is_satisfiable(&range, size) { error.into() } else { Error::Satisfy { size } });
        }
        Err(error) => return Err(error.into()),
    };
    let mut response = Response::new(Body::empty());
    *response.headers_mut() = described(&found);
    let length = if head { found.meta.size } else { found.range.end - found.range.start };
    set(response.headers_mut(), header::CONTENT_LENGTH, Some(length.to_string()));
    if asked.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let last = found.range.end.saturating_sub(1);
        let range = format!("bytes {}-{last}/{}", found.range.start, found.meta.size);
        set(response.headers_mut(), header::CONTENT_RANGE, Some(range));
    }
    if !head {
        *response.body_mut() = Body::from_stream(found.into_stream());
    }
    Ok(response)
}

fn described(found: &GetResult) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let attribute = |attribute| found.attributes.get(&attribute).map(|value| value.as_ref().to_owned());
    set(&mut headers, header::CONTENT_TYPE, attribute(Attribute::ContentType));
    set(&mut headers, header::CACHE_CONTROL, attribute(Attribute::CacheControl));
    set(&mut headers, header::CONTENT_ENCODING, attribute(Attribute::ContentEncoding));
    set(&mut headers, header::CONTENT_DISPOSITION, attribute(Attribute::ContentDisposition));
    set(&mut headers, header::ETAG, found.meta.e_tag.clone());
    set(&mut headers, header::LAST_MODIFIED, range::http_date(SystemTime::from(found.meta.last_modified)));
    set(&mut headers, header::ACCEPT_RANGES, Some("bytes".to_owned()));
    headers
}

/// What cannot be a header is left out: it was put beside the file by somebody else.
fn set(headers: &mut HeaderMap, name: HeaderName, value: Option<String>) {
    if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
        headers.insert(name, value);
    }
}

#[derive(Deserialize)]
struct Write {
    from: Option<String>,
}

async fn write(
    State(media): State<Media>,
    UrlPath(path): UrlPath<String>,
    Query(query): Query<Write>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Error> {
    let key = path::key(&media.prefix, &path)?;
    if let Some(from) = query.from {
        media.store.copy(&path::key(&media.prefix, &from)?, &key).await?;
        return Ok(StatusCode::NO_CONTENT);
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let attributes: Attributes = [
        (Attribute::ContentType, content_type.unwrap_or("application/octet-stream").to_owned()),
        (Attribute::CacheControl, CACHE_CONTROL.to_owned()),
    ]
    .into_iter()
    .collect();
    let mut pieces = body.into_data_stream();
    let mut first = Vec::new();
    let mut length = 0;
    while length <= PART {
        let Some(piece) = pieces.try_next().await.map_err(Error::Receive)? else {
            let options = PutOptions { attributes, ..PutOptions::default() };
            media.store.put_opts(&key, PutPayload::from_iter(first), options).await?;
            return Ok(StatusCode::NO_CONTENT);
        };
        length += piece.len();
        first.push(piece);
    }
    let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
    let upload = media.store.put_multipart_opts(&key, options).await?;
    let mut upload = WriteMultipart::new_with_chunk_size(upload, PART);
    let mut all = futures::stream::iter(first.into_iter().map(Ok)).chain(pieces);
    while let Some(piece) = all.next().await {
        let taken = match piece.map_err(Error::Receive) {
            Ok(piece) => upload.wait_for_capacity(PARTS_AT_ONCE).await.map(|()| upload.put(piece)).map_err(Error::Ask),
            Err(error) => Err(error),
        };
        if let Err(error) = taken {
            // Parts that stay behind cost money; the bucket's own rule removes them where this fails, too.
            if let Err(error) = upload.abort().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "Failed to abort an upload");
            }
            return Err(error);
        }
    }
    upload.finish().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Also of a file that is not there: who deletes wants it gone.
async fn remove(State(media): State<Media>, UrlPath(path): UrlPath<String>) -> Result<StatusCode, Error> {
    match media.store.delete(&path::key(&media.prefix, &path)?).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    prefix: String,
}

#[derive(Default, Serialize)]
struct Listing {
    files: Vec<File>,
    folders: Vec<String>,
    /// Whether there is more than was answered.
    truncated: bool,
}

#[derive(Serialize)]
struct File {
    name: String,
    size: u64,
    modified: u64,
    etag: Option<String>,
}

async fn list(State(media): State<Media>, Query(wanted): Query<Wanted>) -> Result<Json<Listing>, Error> {
    let (folder, start) = path::folder_and_start(&media.prefix, &wanted.prefix)?;
    let mut listing = Listing::default();
    if start.is_empty() {
        let found = media.store.list_with_delimiter(Some(&folder)).await?;
        listing.truncated = found.objects.len() > LONGEST_LISTING;
        listing.files = found.objects.iter().take(LONGEST_LISTING).filter_map(file).collect();
        listing.folders = found.common_prefixes.iter().filter_map(|path| path.filename().map(str::to_owned)).collect();
        return Ok(Json(listing));
    }
    // The store lists whole folders only, but from any name on, in the order of names.
    let before = Path::parse(format!("{folder}/{}", just_before(start))).map_err(|_| Refused)?;
    let mut found = media.store.list_with_offset(Some(&folder), &before);
    while let Some(object) = found.try_next().await? {
        let name = object.location.as_ref().strip_prefix(folder.as_ref()).unwrap_or_default().trim_start_matches('/');
        if !name.starts_with(start) {
            if name > start {
                break;
            }
            continue;
        }
        if listing.files.len() == LONGEST_LISTING {
            listing.truncated = true;
            break;
        }
        if !name.contains('/') {
            listing.files.extend(file(&object));
        }
    }
    Ok(Json(listing))
}

/// A name that sorts before all that begin with `start`, and near them: the listing begins after it.
fn just_before(start: &str) -> &str {
    let end = start.char_indices().next_back().map_or(0, |(index, _)| index);
    if end == 0 { "!" } else { &start[..end] }
}

fn file(object: &ObjectMeta) -> Option<File> {
    let modified = SystemTime::from(object.last_modified).duration_since(UNIX_EPOCH).ok()?.as_secs();
    let name = object.location.filename()?.to_owned();
    Some(File { name, size: object.size, modified, etag: object.e_tag.clone() })
}
