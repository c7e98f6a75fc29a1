"""The evaluation page: verdict, report and pictures."""
