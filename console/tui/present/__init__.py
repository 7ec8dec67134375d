"""Pure: from the model to cells, words, glyphs and tones. Nothing here knows a widget, a colour or the time of day."""
