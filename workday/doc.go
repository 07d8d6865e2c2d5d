// Package workday submits annotations to Workday's SOAP web services, as Rossum's
// Workday connector does ("Workday export"), with the connector's own settings.
//
// [Step] is the step of a chain. Its mapping is a JSON template of the SOAP body:
// names are those of the service's schema, and the rest is settled by the WSDL,
// which is fetched from the tenant and kept. Nothing about any one operation is
// built in.
//
//   - Elements are sent in the schema's order, whatever the order in the mapping.
//   - What the schema declares as an attribute is sent as one: type, parent_id,
//     parent_type, Descriptor, Add_Only, Filename and so on. "_value_1" is the text
//     beside attributes.
//   - null is left out, {} is an empty element, a list repeats its element. A list of
//     one is taken where one is allowed. In a choice, {} is left out for an element
//     whose type has neither elements nor attributes.
//   - Placeholders are those of Rossum's JSON templating; besides, there are
//     {current_datetime}, {document_content}, {schema_loop.index} and
//     {schema_loop.index0}, and Jinja expressions of them, such as
//     {current_datetime.strftime('%Y-%m-%d')}. Files are encoded in base64 while they
//     are sent.
//   - Parts of the SOAP header are given under "_soapheaders", by their names.
//
// For a mapping that works, what leaves is what leaves today: Python's zeep, which
// the connector uses, is run on several hundred mappings, and on thousands of
// generated ones, and bodies are compared. Where zeep would send something else than
// the mapping says, or what the schema forbids, nothing is sent, and an error names
// the path and, if the value comes from a field, the field:
//
//	list of two where one is allowed    zeep sends the first
//	text where an object is expected    zeep makes an ID of type NotSet of it
//	"no" for a boolean                  zeep sends true
//	a required choice that is empty     zeep sends nothing
//	facets: digits, lengths, patterns   zeep does not check them
//
// Some things are sent that zeep loses or spoils: a false or 0 that stands alone in
// a choice, the attributes of an object in a list of one, "False" for a boolean
// (zeep sends true), and a decimal with an exponent, whose digits are written out.
//
// Calls are signed with WS-Security's UsernameToken as user@tenant, and go to the
// address in the WSDL if it is on the same host (or a listed one), without following
// redirects. A call is made once. When the connection ends before the answer, the
// message says that Workday may have the document; nothing is sent again, also after
// a crash (see [pipeline.ErrUnsettled]).
//
// WSDLs are kept in memory for an hour, and with [Step.CacheDir] in files, too, so that a
// program that starts again needs neither to fetch nor to parse them.
//
// [Client] calls any operation from Go. Package workdaytest is a tenant for tests.
//
// Sources: Rossum's public reference of the Workday connector, WSDL 1.1, XML Schema
// 1.0, SOAP 1.1, and WS-Security UsernameToken Profile 1.0. No SOAP library is used:
// those for Go make code of a WSDL beforehand, and here it is known only when the
// export runs.
package workday
