// Package jinja renders Jinja2 templates as stock Jinja2 3.1 does, byte for byte.
package jinja
