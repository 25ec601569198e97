//! Who may look: anybody where no token is set, else who has it.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

/// Set by the page's address with `?token=…`, so that the page's own requests have it.
const COOKIE: &str = "wattdog-token";
/// Asked by whoever starts and stops the host, and saying nothing of anybody's data.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];

/// The token of the configuration, if there is one.
#[derive(Clone)]
pub(super) struct Access(Option<[u8; 32]>);

impl Access {
    pub(super) fn new(token: Option<&str>) -> Self {
        Self(token.map(digest))
    }

    /// Compared by digest, so that the time it takes tells nothing of the token.
    fn allows(&self, token: &str) -> bool {
        self.0.is_none_or(|wanted| digest(token) == wanted)
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Lets a request through, or says what it lacks.
pub(super) async fn check(State(access): State<Access>, request: Request, next: Next) -> Response {
    if access.0.is_none() || OPEN.contains(&request.uri().path()) || token_of(request.headers()).any(|token| access.allows(token))
    {
        return next.run(request).await;
    }
    if request.uri().path() == "/"
        && let Some(token) = asked_with(request.uri().query().unwrap_or_default())
        && access.allows(token)
    {
        // Without the token in it, the address may be shown and sent to others.
        let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict");
        return (StatusCode::SEE_OTHER, [(header::LOCATION, "./".to_owned()), (header::SET_COOKIE, cookie)]).into_response();
    }
    let advice =
        "this host has a token (`web.token`): open /?token=… once in a browser, or send it as `Authorization: Bearer …`\n";
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], advice).into_response()
}

/// Tokens that a request carries.
fn token_of(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let text = |name| headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let bearer = text(header::AUTHORIZATION).filter_map(|value| value.strip_prefix("Bearer "));
    let cookies = text(header::COOKIE).flat_map(|value| value.split("; "));
    bearer.chain(cookies.filter_map(|cookie| cookie.strip_prefix(COOKIE)?.strip_prefix('=')))
}

fn asked_with(query: &str) -> Option<&str> {
    query.split('&').find_map(|parameter| parameter.strip_prefix("token="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_as_bearer_or_as_cookie() {
        let access = Access::new(Some("s3cret"));
        let allowed = |name, value: &str| {
            let headers = HeaderMap::from_iter([(name, value.parse().unwrap())]);
            token_of(&headers).any(|token| access.allows(token))
        };
        assert!(allowed(header::AUTHORIZATION, "Bearer s3cret"));
        assert!(allowed(header::COOKIE, "other=1; wattdog-token=s3cret"));
        assert!(!allowed(header::AUTHORIZATION, "Bearer s3cre") && !allowed(header::COOKIE, "wattdog-tokens=s3cret"));
        assert!(!allowed(header::AUTHORIZATION, "s3cret"));
        assert_eq!(asked_with("a=b&token=s3cret"), Some("s3cret"));
    }
}
