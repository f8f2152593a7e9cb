//! A hospital's screen as a sample (示例 HIS 页面), in demo mode only: one form, which signs a launch as a HIS would and sends the
//! browser to it. It holds no data of anybody; what opens is decided by `api::launch`.

use std::sync::Arc;

use axum::Router;
use axum::extract::Form;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use model::TenantId;

use crate::api::launch::{self, Launch};
use crate::app::App;

/// The tenant of the demo.
const TENANT: TenantId = TenantId(1);

/// The page and its button.
pub fn routes(app: &Arc<App>) -> Router {
    let app = Arc::clone(app);
    Router::new().route("/demo/his", get(async || Html(PAGE)).post(async move |Form(launch)| sign(&app, launch)))
}

fn sign(app: &App, mut launch: Launch) -> Response {
    launch.at = app.now_ms() / 1000;
    let signature = launch.sign(&launch::key_of(&app.store, TENANT, &launch.institution));
    let at = launch.at.to_string();
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("institution", launch.institution.trim()),
            ("staff", launch.staff.trim()),
            ("department", launch.department.trim()),
            ("visit", launch.visit.trim()),
            ("at", &at),
            ("signature", &signature),
        ])
        .finish();
    match HeaderValue::from_str(&format!("/launch?{query}")) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

const PAGE: &str = r#"<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>示例 HIS · 门诊医生站</title><link rel="icon" href="/favicon.svg" type="image/svg+xml">
<style>
body{margin:0;font:15px/1.6 system-ui,"Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif;background:#eef1f4;color:#1d2733}
header{background:#2b4a66;color:#fff;padding:10px 20px}main{max-width:560px;margin:24px auto;background:#fff;padding:20px 24px;border:1px solid #cfd8e0}
label{display:block;margin:10px 0 2px;font-weight:600}input{width:100%;box-sizing:border-box;padding:7px 9px;font:inherit;border:1px solid #8fa1b1}
button{margin-top:18px;padding:9px 18px;font:inherit;border:0;background:#1f6f54;color:#fff;cursor:pointer}button:focus,input:focus{outline:3px solid #f0b429}
p{color:#4a5a69}.demo{background:#fff4d6;padding:4px 20px;border-bottom:1px solid #e4c878}
</style></head><body>
<header>示例 HIS · 门诊医生站（这是医院自己的系统，不是康脉）</header><div class="demo">演示系统·全部为合成数据</div>
<main><p>医生正在接诊。HIS 用本机构的调阅密钥为“机构、工号、科室、就诊流水号、时间”签名，60 秒内有效，只能用一次。</p>
<form method="post">
<label for="institution">机构编码</label><input id="institution" name="institution" required>
<label for="staff">医生工号</label><input id="staff" name="staff" required>
<label for="department">科室编码</label><input id="department" name="department">
<label for="visit">就诊流水号</label><input id="visit" name="visit" required>
<input type="hidden" name="at" value="0">
<button type="submit">调阅健康档案</button></form></main>
<script>new URLSearchParams(location.search).forEach((value,name)=>{const field=document.getElementById(name);if(field)field.value=value})</script>
</body></html>
"#;
