package txscript

import (
	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/clock"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// datapointModule is txscript.datapoint: the classes of the values of fields, which code
// asks for with isinstance.
func datapointModule() value { return datapointModuleOnUse.Get(makeDatapointModule) }

var datapointModuleOnUse onuse.Value[value]

func makeDatapointModule() value {
	isText := func(v value) bool { return v.IsText() }
	isNumber := func(v value) bool { return v.Kind() == pyvalue.KindFloat || v.Kind() == pyvalue.KindInt }
	isDate := func(v value) bool { k := clock.ClassOf(v); return k != nil && k.Name() == "datetime.date" }
	isList := func(v value) bool { return v.List() != nil }
	isEmpty := func(v value) bool { _, ok := v.Object().(*empty); return ok }
	all := make(map[string]value)
	for name, has := range map[string]func(v value) bool{
		"StringValue": isText, "NumberValue": isNumber, "DateValue": isDate, "TableColumnValue": isList, "MultivalueDatapointField": isList,
		"FieldValueBase": func(v value) bool { return isText(v) || isNumber(v) || isDate(v) || isList(v) || isEmpty(v) },
	} {
		all[name] = pyvalue.FromObject(&class{builtin: builtin{"txscript.datapoint." + name, notCalled(name)}, has: has})
	}
	return newModule("txscript.datapoint", nil, all)
}
