/** What can be written besides words. */
export const writing = {
  "attach.files": "Photos or files",
  "attach.place": "Location",
  "location.send.title": "Send a location",
  "location.own": "Use my position",
  "location.denied":
    "Your browser does not share your location. Allow it in the settings of this page, or paste coordinates.",
  "location.failed": "Your position could not be found. Try again, or paste coordinates.",
  "location.text": "Coordinates, or a link from a map",
  "location.text.hint": "For example 48.2085, 16.3721",
  "location.text.unread": "No coordinates were found in this.",
  "location.label": "Name of the place (optional)",
  "location.preview": "What is sent",
  "location.send": "Send location",
  "location.map": "Show on openstreetmap.org",
  "maths.preview": "Formula",
  "maths.hint": "\\$ writes a dollar sign",
  "maths.source": "Not understood: it is shown as it is written",
};
