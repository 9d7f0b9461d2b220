"""A store in other formats: CSV and Parquet, COCO's, IOHanalyzer's."""
