/* SPDX-License-Identifier: MIT */
#include "render/html.h"

#include "base/markup.h"
#include "config/text.h"

#include <string.h>

static const char style[] =
	":root{color-scheme:light dark;--bg:#fbfbfa;--fg:#1c2024;--dim:#667079;--line:#dcdfe3;"
	"--card:#fff;--head:#f1f2f4;--good:#1a7f4b;--bad:#c0352b;--warn:#9a6700;--s:62%;--l:78%;"
	"--ld:42%}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#14171a;--fg:#e3e6e9;--dim:#929ba3;"
	"--line:#30363c;--card:#1b1f23;--head:#22272c;--good:#4cc38a;--bad:#ff7b72;--warn:#e3b341;"
	"--s:38%;--l:30%;--ld:70%}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0 auto;max-width:1280px;padding:0 20px 80px;background:var(--bg);"
	"color:var(--fg);font:15px/1.5 system-ui,sans-serif}\n"
	"h1{font-size:24px;margin:28px 0 4px;overflow-wrap:anywhere}h2{font-size:18px;"
	"margin:34px 0 10px}\n"
	"p{margin:6px 0}.dim{color:var(--dim)}.good{color:var(--good)}.bad{color:var(--bad)}"
	".warn{color:var(--warn)}.num{text-align:right}\n"
	"code,.mono{font-family:ui-monospace,monospace;font-size:13px}\n"
	"#bar{position:sticky;top:0;z-index:2;background:var(--bg);padding:10px 0;"
	"border-bottom:1px solid var(--line);display:flex;gap:14px;align-items:center;"
	"flex-wrap:wrap}\n"
	"#search{flex:1 1 260px;padding:8px 12px;font:inherit;color:inherit;background:var(--card);"
	"border:1px solid var(--line);border-radius:8px}\n"
	".cards{display:flex;flex-wrap:wrap;gap:12px;margin:18px 0}\n"
	".card{flex:1 1 130px;background:var(--card);border:1px solid var(--line);"
	"border-radius:10px;padding:10px 14px}.card b{display:block;font-size:26px;line-height:1.2}"
	"\n"
	".box{background:var(--card);border:1px solid var(--line);border-radius:10px;"
	"padding:10px 14px;margin:12px 0}.box.bad{border-color:var(--bad)}\n"
	".wide{overflow-x:auto}table{border-collapse:collapse;width:100%;background:var(--card);"
	"border:1px solid var(--line)}\n"
	"th,td{text-align:left;padding:4px 10px;border-bottom:1px solid var(--line);"
	"vertical-align:top}th{background:var(--head);font-weight:600;white-space:nowrap}\n"
	"td "
	"b,.place{white-space:nowrap}td.y{color:var(--good);font-weight:600}td.n{color:var(--dim)}"
	"\n"
	"details{background:var(--card);border:1px solid var(--line);border-radius:10px;"
	"margin:8px 0;padding:6px 14px}summary{cursor:pointer;padding:2px 0}\n"
	".reg{margin:10px 0 14px}.bits{display:grid;grid-template-columns:repeat(32,minmax(0,1fr));"
	"gap:2px;margin-top:4px}\n"
	".bits i{font:12px/22px ui-monospace,monospace;text-align:center;border-radius:4px;"
	"background:hsl(var(--h) var(--s) var(--l));outline:1px solid transparent}\n"
	".bits i.o{background:hsl(var(--h) var(--s) var(--l)/.32);color:var(--dim)}.bits "
	"i.x{background:none;outline-color:var(--line);"
	"color:var(--dim)}"
	".bits i.d{outline:2px solid var(--bad)}.bits i:nth-child(8n+1){margin-left:3px}\n"
	".chip{display:inline-block;width:14px;height:14px;border-radius:4px;vertical-align:-2px;"
	"background:hsl(var(--h) var(--s) var(--l))}\n"
	".hide{display:none!important}@media print{#bar{display:none}}\n";

static const char script[] =
	"(function(){'use strict';\n"
	"var box=document.getElementById('search'),only=document.getElementById('only');\n"
	"var rows=[].slice.call(document.querySelectorAll('.row'));\n"
	"var text=rows.map(function(r){var t=r.textContent;\n"
	"r.querySelectorAll('[title]').forEach(function(c){t+=' '+c.title});\n"
	"return t.toLowerCase()});\n"
	"function show(){var words=box.value.toLowerCase().split(/\\s+/).filter(Boolean);\n"
	"rows.forEach(function(r,i){\n"
	"var fits=words.every(function(w){return text[i].indexOf(w)>=0});\n"
	"if(only&&only.checked&&r.classList.contains('same'))fits=false;\n"
	"r.classList.toggle('hide',!fits);\n"
	"if(r.tagName==='DETAILS'&&words.length)r.open=fits});\n"
	"var n=rows.filter(function(r){return!r.classList.contains('hide')}).length;\n"
	"document.getElementById('count').textContent=n+' of '+rows.length}\n"
	"box.addEventListener('input',show);if(only)only.addEventListener('change',show);\n"
	"document.addEventListener('keydown',function(e){\n"
	"if(e.key==='/'&&document.activeElement!==box){e.preventDefault();box.focus()}});\n"
	"show()})();\n";

void html_text(FILE *out, const char *text)
{
	/* Longer than any path or message. */
	char printable[4200];
	(void)text_printable(printable, sizeof(printable), text, strlen(text));
	markup_put_text(out, printable);
}

void html_textf(FILE *out, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	html_text(out, text);
}

void html_element(FILE *out, const char *tag, const char *class, const char *text)
{
	(void)fprintf(out, "<%s", tag);
	if (class)
		(void)fprintf(out, " class=\"%s\"", class);
	(void)fputs(">", out);
	html_text(out, text);
	(void)fprintf(out, "</%s>", tag);
}

void html_begin(FILE *out, const char *title, const char *search_hint)
{
	(void)fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		    "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
		    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
		out);
	html_element(out, "title", NULL, title);
	(void)fprintf(out, "\n<style>\n%s</style>\n</head>\n<body>\n", style);
	html_element(out, "h1", NULL, title);
	(void)fputs("\n<div id=\"bar\"><input id=\"search\" type=\"search\" aria-label=\"Search\" "
		    "placeholder=\"",
		out);
	html_text(out, search_hint);
	(void)fputs(
		"\"><label><input id=\"only\" type=\"checkbox\" checked> only what differs</label>"
		"<span id=\"count\" class=\"dim\"></span></div>\n",
		out);
}

void html_end(FILE *out)
{
	(void)fprintf(out, "<script>\n%s</script>\n</body>\n</html>\n", script);
}
