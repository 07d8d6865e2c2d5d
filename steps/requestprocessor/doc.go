// Package requestprocessor runs the settings of Rossum's Request Processor, the
// engine that does a whole export in one hook: stages that check conditions, get
// what is needed, call APIs, and store what they answer.
//
//	var step requestprocessor.Step
//	err := json.Unmarshal(hook.Settings, &step)
//	chain, err := pipeline.New(&step)
//
// # Placeholders
//
// In all texts {payload.annotation.id}, {field.document_id.value}, {property.name}
// stand for values; in a request also {token}, {sequence} (from 0), and {item} within
// iterate_over. A text that is one placeholder keeps the type of its value; within
// other text the value is written as Python's str() does, and null as nothing.
// {field.x.value} is the text of a field, {field.x} its value by the schema's type.
// .@ gets what stands behind an address of Rossum's own domain, once in a run:
// {payload.document.content.@}. {base64(…)} encodes; objects are Python's str() then.
// A key or an index may be in brackets: {payload.metadata['cost centre'].rows[-1]};
// blanks around a path, and placeholders in keys of objects, are allowed. Braces that
// hold other braces, or nothing, are text, so that JSON with placeholders in it
// works. For what does not begin as a path, such as {"a": 1}, nothing is put in,
// which the report says; a path that is broken is an error when the chain is built.
// The query of a get_content on relations is not filled in.
//
// # Where values go
//
// A handler writes to a field: texts as they are, null and what is not found as "",
// objects as Python's json.dumps writes them, and all else as Python prints it: 1.50 is
// 1.5, true is True, a list is ['a', 1]. Where [Step.CompactJSON] says so, objects and
// lists are JSON without blanks. Later stages see it at once. A text field that several handlers or
// items have written to in one run ends up with all values as a list, in Python's
// spelling; a number or a date cannot hold one, which is an error. property keeps
// values as they are. document_relation keeps the body as a file under its key, and
// as a document in Rossum where the export has a client; get_content finds it again,
// as it finds the files of earlier steps, without Rossum, too.
//
// # Where it differs from the engine
//
// The engine is silent about much of what goes wrong. Here
//
//   - settings are strict: an unknown key, context, operator, source, property or
//     reply part is an error when the chain is built, with its place and the nearest
//     known name; so is a token that the request never uses
//   - whatever ends a run or a call is returned as an error that names place and call,
//     in one [pipeline.StepError] for all of them, and so reaches the annotation
//   - the report says which stage was skipped by which condition and value, what
//     counted as null, what an extractor did not find, and which status was not a success;
//     the latter is a warning on the annotation if no handler looks at the status
//   - a comparison of two things that are both missing is an error, not true
//   - no call of a run is made when a field is missing that a reply must be written to,
//     in any stage that is not ruled out already; a handler with a condition is not
//     counted. When a call is not answered its fields are emptied, so that no condition
//     goes by the reply of an earlier run
//   - without a schema, a request that sends {field.x} by its type is an error, and
//     anything else a warning; the engine does not run
//   - the condition of a handler sees response and found_value; naming anything else
//     there is an error, where the engine finds null
//   - handlers that do not look at the body work on a reply that is not the JSON or XML
//     that it says, which the report says; the engine runs none
//   - a text in UTF-8 whose Content-Type names no charset is read as such, and XML in
//     the charset of its declaration; the engine reads text/… as ISO-8859-1
//   - the number of a field goes out with all its digits, where the engine rounds to 17
//   - $gt and its like compare the text of a plain number with a number as numbers,
//     as the reference has it in its examples; the engine fails there, as it does for
//     other values of unlike kinds, which are an error here, too
//   - conditions that cannot mean what they say are errors when the chain is built:
//     $and or $or beside other keys, which the engine passes over; a path without an
//     operator; $gt with null; the count of a pattern, such as [0-9]{4}, which the
//     engine takes for a placeholder and cuts out; {…} in a query that is not filled in
//   - {sequence} in target_key counts for the key of a document relation, too
//   - {payload} as a whole is without token and secrets, which are given by name only
//   - the text of a document cannot lead a URL elsewhere, neither directly nor through
//     a property: dots as segments, control characters, and ?, # or & that would change
//     its structure are errors. What an API has said is a part of the URL as it is, but
//     neither it nor a document chooses a host that the settings do not name
//   - .@ sends the token to rossum.ai, rossum.app and below the hook's own host alone,
//     and redirects to another host are not followed
//
// Facts are those of the public reference of the engine: rossumai/claude-marketplace,
// plugins/rossum-sa/skills/export-pipeline-reference/reference.md.
//
// # What is sent
//
// A request is sent once. It is repeated only if nothing can have reached the other
// side, or with a new token, and the cookies of the reply, after one 401. A redirect
// with status 307 or 308 on the same origin is followed, as a call of its own; every
// other redirect of a request that does more than read is an error. A request that
// follows a redirect carries the cookies of the redirects before it, instead of a Cookie
// header of the settings, as Python's requests does. A request is made
// by [pipeline.Export.Once]: when a run goes on that was cut short, requests whose
// replies are known are not made again, and one whose reply is not known only as is
// said there.
package requestprocessor
