package email

import "html/template"

// page is the HTML of a message: without pictures, scripts, or anything that is fetched. html/template escapes what is filled
// in, and lets no link be anything but one to a page.
var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{{.Title}}</title></head>
<body style="font-family: sans-serif; line-height: 1.4; max-width: 42em">
<h2 style="border-left: 6px solid {{if eq .Severity "critical"}}#c62828{{else if eq .Severity "warning"}}#ef6c00{{else}}#1565c0{{end}}; padding-left: 10px">{{.Title}}</h2>
<p>{{.What}}</p>
{{- range .Marks}}
<p><strong>{{.}}</strong></p>
{{- end}}
<table cellpadding="4" style="border-collapse: collapse">
{{- range .Rows}}
<tr><td style="vertical-align: top; color: #555">{{.Name}}</td><td>{{.Value}}</td></tr>
{{- end}}
</table>
<h3>What to do</h3>
<ul>
{{- range .Do}}
<li>{{.}}</li>
{{- end}}
</ul>
{{- with .Link}}
<p><a href="{{.}}">Open the workflow</a></p>
{{- end}}
<p style="color: #777; font-size: small">{{.Footer}}</p>
</body>
</html>
`))
