// Package jsontemplate is Rossum's JSON templating: JSON in which strings hold
// placeholders and objects of one key hold operators. A template is compiled
// once, with all its faults reported together, and rendered for many exports at
// the same time.
//
// Placeholders in strings:
//
//	@{schema_id}        the value of a datapoint: the normalised one (an ISO date,
//	                    a plain number) if there is one, else the text that a
//	                    person sees
//	{secret.name}       a secret of the hook
//	#{file_content}     the bytes of the artefact that the step works on
//	#{original_file}    the bytes of the annotated document
//	{schema_loop.index}, {schema_loop.index0}    in $FOR_EACH_SCHEMA_ID$, and
//	                    expressions that begin with them: {schema_loop.index * 10}
//	{current_datetime}, {document_content}    where Options.Resources says so, and
//	                    Jinja expressions: {current_datetime.strftime('%Y-%m-%d')}
//
// A string that is exactly one placeholder keeps the value's type, so that files
// stay bytes; inside other text the value is put in as text. A value that was put
// in is never looked at again: field text cannot become a placeholder.
//
// Operators are objects with one key: $DATAPOINT_VALUE$, $IF_SCHEMA_ID$,
// $IF_DATAPOINT_VALUE$ (also without the last $), $FOR_EACH_SCHEMA_ID$,
// $DATAPOINT_MAPPING$, $FETCH_DOCUMENT_CONTENT$, $GET_DOCUMENT_CONTENT$ and
// $CHILD_COUNT$. Their arguments and results are those of Rossum's public
// reference of JSON templating and of its Workday connector.
//
// Comparisons, and the keys of a $DATAPOINT_MAPPING$, take the same value, or the
// text that a person sees where that one does not fit. $FOR_EACH_SCHEMA_ID$ goes
// through the rows of a table, whether it names the table, its rows or a column.
//
// A schema_id is looked up in the current element first (the row of a
// $FOR_EACH_SCHEMA_ID$, the field of an $IF_SCHEMA_ID$), then in the elements
// around it, then in the whole annotation. Found nowhere, it is an error that
// names it.
package jsontemplate
