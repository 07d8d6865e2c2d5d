package steps

import (
	"net/http"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/exporttemplate"
	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

var _ pipeline.Describer = (*RESTExport)(nil)

// Uses lists what the templates name, the artefact that is sent, and the files that
// the reply makes.
func (s *RESTExport) Uses(int64) []pipeline.Use {
	c := s.compiled
	if c == nil {
		c, _ = s.compile() // the faults are those of Compile
	}
	list := exporttemplate.Uses(c.condition, pipeline.Use{Steers: true})
	like := pipeline.Use{If: exporttemplate.Conditions(c.condition)}
	if s.Key != "" {
		list = append(list, pipeline.Use{Kind: pipeline.UseNeeds, Name: s.Key, Place: "export_reference_key", If: like.If})
	}
	list = append(list, s.requestUses(c, like)...)
	if c.auth != nil {
		for _, t := range append(headerTemplates(c.auth.headers), c.auth.url, c.auth.data) {
			list = append(list, exporttemplate.Uses(t, like)...)
		}
		// The token is there before the request is made.
		list = slices.DeleteFunc(list, func(u pipeline.Use) bool { return u.Kind == pipeline.UseSecret && u.Name == tokenSecret })
		list = append(list, pipeline.Use{Kind: pipeline.UseLearns, Name: tokenSecret, Place: "auth"})
	}
	for _, made := range []struct{ place, key string }{
		{"response_headers_reference_key", s.HeadersKey}, {"response_payload_reference_key", s.PayloadKey},
	} {
		if made.key != "" {
			list = append(list, pipeline.Use{Kind: pipeline.UseMakes, Name: made.key, Place: made.place, If: like.If})
		}
	}
	sends := pipeline.Use{Kind: pipeline.UseSends, Name: c.request.method, Place: "request", If: like.If}
	if s.Mode == ModeRetry || slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, c.request.method) {
		sends.Kind = pipeline.UseAsks
	}
	return append(list, sends)
}

func (s *RESTExport) requestUses(c *restCall, like pipeline.Use) []pipeline.Use {
	steering := like
	steering.Steers = true
	list := exporttemplate.Uses(c.request.url, steering)
	for _, t := range append(headerTemplates(c.request.headers), c.request.fileKey, c.request.fileName, c.request.fileContent) {
		list = append(list, exporttemplate.Uses(t, like)...)
	}
	return append(list, bodyUses(c.request, like)...)
}

// bodyUses lists what the body names. It is JSON only if its Content-Type does not say that
// it is something else.
func bodyUses(c *request, like pipeline.Use) []pipeline.Use {
	list := exporttemplate.Uses(c.body, like)
	i := slices.IndexFunc(c.headers, func(h header) bool { return h.name == "Content-Type" })
	if i < 0 {
		return list
	}
	if mediaType, literal := c.headers[i].value.Literal(); !literal || isOther(mediaType) {
		for k := range list {
			list[k].Unquoted = false
		}
	}
	return list
}

func headerTemplates(headers []header) []*jsontemplate.Template {
	list := make([]*jsontemplate.Template, len(headers))
	for i, h := range headers {
		list[i] = h.value
	}
	return list
}
