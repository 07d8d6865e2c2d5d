package workday

import (
	"github.com/exportpipeline/exportpipeline/internal/exporttemplate"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
	"github.com/exportpipeline/exportpipeline/rossum"
)

var _ pipeline.Describer = (*Step)(nil)

// Uses lists what the mapping of the configuration that fits the queue names, and the
// fields that get the new object's IDs. Where the queue is not known, all
// configurations count, and what is not for all queues depends on it.
func (s *Step) Uses(queue int64) []pipeline.Use {
	compiled := s.compiled
	if compiled == nil {
		compiled, _ = s.compile() // the faults are those of Compile
	}
	var list []pipeline.Use
	for _, c := range compiled.configurations {
		forAll := c.Queues == nil && len(c.ExcludedQueues) == 0
		if queue != 0 && !c.fits(queue) {
			continue
		}
		list = append(list, c.uses(queue == 0 && !forAll)...)
		if queue != 0 || forAll {
			break // the first that fits runs
		}
	}
	return list
}

func (c *configuration) uses(maybe bool) []pipeline.Use {
	list := exporttemplate.Uses(c.mapping, pipeline.Use{Conditional: maybe})
	list = append(list, pipeline.Use{
		Kind: pipeline.UseSecret, Name: "workday_password", Place: settings.Join(c.place, "wsdl"), Conditional: maybe,
		Accepts: func(secrets rossum.Secrets) error {
			_, _, err := newCredentials(secrets["workday_username"], secrets["workday_password"], c.WSDL.Tenant)
			return err
		},
	}, pipeline.Use{ // which a dry run makes up; what is wrong with it is said above
		Kind: pipeline.UseSecret, Name: "workday_username", Place: settings.Join(c.place, "wsdl"), Conditional: maybe,
		Accepts: func(rossum.Secrets) error { return nil },
	})
	for _, result := range []struct{ key, id string }{{"result_schema_id", c.ResultField}, {"result_wid_schema_id", c.ResultWIDField}} {
		if result.id != "" {
			place := settings.Join(c.place, result.key)
			list = append(list, pipeline.Use{Kind: pipeline.UseWrites, Name: result.id, Place: place, Single: true, Conditional: maybe})
		}
	}
	return append(list, pipeline.Use{Kind: pipeline.UseSends, Name: c.Request.Operation, Place: settings.Join(c.place, "request"), Conditional: maybe})
}
