//! A bucket that is asked over HTTP: each request is signed (AWS Signature Version 4), with whatever credentials are in force then.

use super::way::Service;
use hyper::StatusCode;
use hyper::http::request::Builder;
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{HttpRequest, HttpRequestBody, HttpService as _};

/// The bucket, and who weir is to it.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Its address: what a name is appended to.
    pub(super) address: String,
    pub(super) region: String,
    pub(super) credentials: AwsCredentialProvider,
    pub(super) service: Service,
}

impl Bucket {
    /// The status, and what was said. All headers of the request are signed, as S3 wants it of those that are its own.
    pub(super) async fn ask(&self, request: Builder, body: Vec<u8>) -> Result<(StatusCode, String), String> {
        let mut request: HttpRequest = request.body(HttpRequestBody::from(body)).map_err(|error| error.to_string())?;
        let credential = self.credentials.get_credential().await.map_err(|error| error.to_string())?;
        let signer = AwsAuthorizer::new(&credential, "s3", &self.region);
        signer.try_authorize(&mut request, None).map_err(|error| error.to_string())?;
        let answer = self.service.call(request).await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let body = http_body_util::BodyExt::collect(answer.into_body()).await.map_err(|error| error.to_string())?;
        Ok((status, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
    }
}
